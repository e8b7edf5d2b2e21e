# fish completion of postrider-oauth(1)

# Of a table in the source: make words.
set -l postrider_oauth_commands 'login token status logout'

# Of the file that postrider-oauth would read: postrider.conf(5).
function __postrider_oauth_names
    set -l folder "$HOME/.config"
    set -q XDG_CONFIG_HOME; and set folder "$XDG_CONFIG_HOME"
    for file in "$POSTRIDER_CONFIG" "$folder/postrider/postrider.conf" \
            /etc/postrider/postrider.conf
        test -r "$file"; or continue
        set -l names (sed -n \
            's/^[[:blank:]]*oauth[[:blank:]]*"\([^"]*\)".*/\1/p' "$file")
        if test (count $names) -gt 0
            printf '%s\n' $names
            return
        end
    end
end

function __postrider_oauth_in
    set -l words (commandline -opc)
    test (count $words) -ge 2; and contains -- $words[2] $argv
end

# The command is one of these, and no name is after it.
function __postrider_oauth_unnamed
    set -l words (string match -v -- '-*' (commandline -opc))
    test (count $words) -eq 2; and contains -- $words[2] $argv
end

complete -c postrider-oauth -f
set -l none 'test (count (commandline -opc)) -eq 1'
# commands: make words
complete -c postrider-oauth -n $none -a login \
    -d 'log in with a browser, and keep the tokens'
complete -c postrider-oauth -n $none -a token \
    -d 'print an access token'
complete -c postrider-oauth -n $none -a status \
    -d 'the logins that are kept, and until when'
complete -c postrider-oauth -n $none -a logout \
    -d 'forget a login'
# end of commands
complete -c postrider-oauth -n $none -l help -d 'print the commands'
complete -c postrider-oauth -n $none -l version -d 'print the version'

complete -c postrider-oauth \
    -n "__postrider_oauth_unnamed $postrider_oauth_commands" \
    -a '(__postrider_oauth_names)'
complete -c postrider-oauth -n '__postrider_oauth_in login' -l device \
    -d 'with a code to enter'
complete -c postrider-oauth -n '__postrider_oauth_in login' -l paste \
    -d 'with an address that is pasted'
complete -c postrider-oauth -n '__postrider_oauth_in token' -l refused -x \
    -d 'a server refused it: its SHA-256'
complete -c postrider-oauth -n '__postrider_oauth_in status' -l json \
    -d 'one JSON object a line'
