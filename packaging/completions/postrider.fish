# fish completion of postrider(8)

# Of tables in the source: make words.
set -l postrider_mechanisms 'auto scram-sha-512 scram-sha-256 cram-md5 plain
login oauthbearer xoauth2 external none'
set -l postrider_formats 'ssmtp msmtp dma nullmailer esmtp'

# What the daemon lets the caller see, without what was named already; requeue is
# for what was given up.
function __postrider_queue_ids
    set -l words (commandline -opc)
    if test $words[3] = requeue
        postrider queue list --failed 2>/dev/null |
            sed -n 's/^\([0-9A-F]\{1,\}\).*/\1/p'
    else
        postrider queue list --json 2>/dev/null |
            sed -n 's/^{"queue_id": "\([^"]*\)".*/\1/p'
    end | while read -l id
        contains -- $id $words; or echo $id
    end
end

function __postrider_providers
    postrider setup --list-providers 2>/dev/null |
        sed -n 's/^ *\([^ ]\{1,\}\)  *\(.*[^ ]\)  *[^ ]*$/\1\t\2/p'
end

# Of the file that postrider would read: postrider.conf(5).
function __postrider_smarthosts
    set -l folder "$HOME/.config"
    set -q XDG_CONFIG_HOME; and set folder "$XDG_CONFIG_HOME"
    for file in "$POSTRIDER_CONFIG" "$folder/postrider/postrider.conf" \
            /etc/postrider/postrider.conf /etc/postrider/smarthost.conf
        test -r "$file"; or continue
        set -l names (sed -n \
            's/^[[:blank:]]*smarthost[[:blank:]]*"\([^"]*\)".*/\1/p' "$file")
        if test (count $names) -gt 0
            printf '%s\n' $names
            return
        end
    end
end

# The words so far, without options, are these.
function __postrider_words
    set -l words (string match -v -- '-*' (commandline -opc))
    test (count $words) -eq (math (count $argv) + 1); or return 1
    for i in (seq (count $argv))
        string match -qr -- "^($argv[$i])\$" $words[(math $i + 1)]; or return 1
    end
end

function __postrider_in
    set -l words (commandline -opc)
    test (count $words) -ge 2; and contains -- $words[2] $argv
end

# The action is one of these, and takes another message.
function __postrider_takes_ids
    set -l words (commandline -opc)
    test (count $words) -ge 3; and test $words[2] = queue
    and contains -- $words[3] $argv; and not contains all $words
end

complete -c postrider -f
set -l none __postrider_words
# commands: make words
complete -c postrider -n $none -a daemon \
    -d 'deliver what is queued'
complete -c postrider -n $none -a queue \
    -d 'list and change what is queued'
complete -c postrider -n $none -a status \
    -d 'show the daemon and its smarthosts'
complete -c postrider -n $none -a check \
    -d 'find problems of this machine, with remedies'
complete -c postrider -n $none -a test \
    -d 'try each smarthost, step by step'
complete -c postrider -n $none -a import \
    -d 'translate configurations of ssmtp, msmtp, ...'
complete -c postrider -n $none -a copy \
    -d 'copy the static sendmail, for a container'
complete -c postrider -n $none -a setup \
    -d 'try a configuration, and write it'
complete -c postrider -n $none -a direct \
    -d 'relay the message file on standard input'
# end of commands
complete -c postrider -n $none -l help -d 'print the commands'
complete -c postrider -n $none -l version -d 'print the version'

set -l queue '__postrider_words queue'
# actions: make words
complete -c postrider -n $queue -a list \
    -d 'list the queue, or what was given up'
complete -c postrider -n $queue -a show \
    -d 'show what is known about a message, or all of it'
complete -c postrider -n $queue -a hold \
    -d 'do not try a message'
complete -c postrider -n $queue -a release \
    -d 'deliver a held message'
complete -c postrider -n $queue -a retry \
    -d 'try a message now'
complete -c postrider -n $queue -a remove \
    -d 'remove a message without a report'
complete -c postrider -n $queue -a requeue \
    -d 'try again what was given up'
complete -c postrider -n $queue -a flush \
    -d 'try everything now'
complete -c postrider -n $queue -a resubmit \
    -d 'submit again what was never tried'
complete -c postrider -n '__postrider_words queue "hold|release|retry|remove|requeue"' \
    -a all -d 'every message'
complete -c postrider -n '__postrider_takes_ids show hold release retry remove requeue' \
    -a '(__postrider_queue_ids)'
# end of actions
complete -c postrider -n '__postrider_words queue list' -l json \
    -d 'one JSON object a line'
complete -c postrider -n '__postrider_words queue list' -l failed \
    -d 'what was given up'
complete -c postrider -n '__postrider_takes_ids show' -l message \
    -d 'the message itself'
complete -c postrider -n '__postrider_takes_ids retry' -l wait \
    -d 'until each was tried'

complete -c postrider -n '__postrider_in daemon' -l check \
    -d 'what a reload would read'
complete -c postrider -n '__postrider_in status check' -l json -d 'for programs'
complete -c postrider -n '__postrider_in status' -l check \
    -d 'for a monitoring system'
complete -c postrider -n '__postrider_in status' -l alive \
    -d 'does the daemon answer'
complete -c postrider -n '__postrider_in status' -l ready \
    -d 'does it take mail'
complete -c postrider -n '__postrider_in copy' -x -a '(__fish_complete_directories)'
complete -c postrider -n '__postrider_in check' -l strict -d 'warnings count'
complete -c postrider -n '__postrider_in direct' -s q -d 'print nothing'
complete -c postrider -n '__postrider_in direct' -s v -d 'show the dialogue'
complete -c postrider -n '__postrider_in test' -l to -x -d 'send a test message'
complete -c postrider -n '__postrider_in test' -l smarthost -x \
    -a '(__postrider_smarthosts)' -d 'only this one'

set -l import '__postrider_in import'
complete -c postrider -n $import -F
complete -c postrider -n $import -l from -x \
    -a "$postrider_formats" -d 'the program'
complete -c postrider -n $import -l write -d 'install it'
complete -c postrider -n $import -l replace \
    -d 'keep what was there as FILE.old'
complete -c postrider -n $import -l queue -d 'the mail that it has left'
complete -c postrider -n $import -l output -r -F \
    -d 'the configuration to write'

set -l setup '__postrider_in setup'
# options: make words
complete -c postrider -n $setup -l provider -x -a '(__postrider_providers)' \
    -d 'one of --list-providers'
complete -c postrider -n $setup -l address -x \
    -d 'the mail address; its domain names the provider'
complete -c postrider -n $setup -l host -x \
    -d 'the smarthost, if it is not a provider\'s'
complete -c postrider -n $setup -l port -x -a '587 465 25' \
    -d 'default 587; 465 with --tls implicit'
complete -c postrider -n $setup -l tls -x -a 'starttls implicit none' \
    -d 'starttls, implicit or none'
complete -c postrider -n $setup -l auth -x -a "$postrider_mechanisms" \
    -d 'default: the best one offered'
complete -c postrider -n $setup -l region -x \
    -d 'of a provider that has several'
complete -c postrider -n $setup -l tls-ca-file -r -F \
    -d 'authorities for its certificate'
complete -c postrider -n $setup -l tls-fingerprint -x \
    -d 'of its certificate'
complete -c postrider -n $setup -l user -x \
    -d 'login name; default: the address'
complete -c postrider -n $setup -l password-file -r -F \
    -d 'its first line is the password; - is standard input'
complete -c postrider -n $setup -l password-command -x \
    -d 'a program that prints the password or token'
complete -c postrider -n $setup -l client-id -x \
    -d 'of an OAuth application, whose tokens are the password'
complete -c postrider -n $setup -l client-secret-file -r -F \
    -d 'its first line is the application\'s secret'
complete -c postrider -n $setup -l tenant -x \
    -d 'that the application is in, with Microsoft 365'
complete -c postrider -n $setup -l device \
    -d 'log in by a code: postrider-oauth(1)'
complete -c postrider -n $setup -l paste \
    -d 'log in by an address that is pasted'
complete -c postrider -n $setup -l root-to -x \
    -d 'where mail to root and other local users goes'
complete -c postrider -n $setup -l rewrite \
    -d 'send everything as the address'
complete -c postrider -n $setup -l no-rewrite \
    -d 'leave senders, even if the provider wants the address'
complete -c postrider -n $setup -l domain -x \
    -d 'completes names without a domain'
complete -c postrider -n $setup -l hostname -x \
    -d 'full name of this host'
complete -c postrider -n $setup -l direct \
    -d 'no queue, no daemon'
complete -c postrider -n $setup -l output -r -F \
    -d 'the configuration to write'
complete -c postrider -n $setup -l print \
    -d 'print it, without writing or connecting'
complete -c postrider -n $setup -l replace \
    -d 'keep what was there as FILE.old'
complete -c postrider -n $setup -l no-test \
    -d 'write without trying it'
complete -c postrider -n $setup -l test-to -x \
    -d 'send a test message, too'
complete -c postrider -n $setup -l providers -r -F \
    -d 'read providers from FILE'
complete -c postrider -n $setup -l list-providers \
    -d 'print them'
complete -c postrider -n $setup -l verbose \
    -d 'show the dialogue (-v)'
complete -c postrider -n $setup -l help \
    -d 'print this'
# end of options
