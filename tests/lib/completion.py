"""What a shell offers for the last word of a line at a tab.

    result = subprocess.run(completion.command("zsh", ["postrider", "st"]), ...)
    assert completion.offered(result.stdout) == ["status"]
"""

import shlex

from .harness import ROOT

COMPLETIONS = ROOT / "packaging" / "completions"
FILES = {"bash": "{}", "zsh": "_{}", "fish": "{}.fish"}

# Each of these has the folder of the completions as its first argument: with
# "" the shell looks for them where it finds those of other packages.

# bash calls the function that is registered for the program.
BASH = r"""
registered() { [[ $(complete -p "$@") =~ -F\ ([^ ]+) ]]; }
folder=$1; shift
if [[ -n $folder ]]; then
    . "$folder/${1##*/}" && registered "${1##*/}"
else
    . /usr/share/bash-completion/bash_completion && registered -D
    "${BASH_REMATCH[1]}" "$1"
    registered "$1"
fi
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
"${BASH_REMATCH[1]}" "$1"
[ "${#COMPREPLY[@]}" -eq 0 ] || printf '%s\n' "${COMPREPLY[@]}"
"""

FISH = r"""
if test -n "$argv[1]"
    set -l words (string split ' ' -- $argv[2])
    source "$argv[1]/"(path basename $words[1])".fish"
end
complete -C $argv[2]
"""

# zsh completes in its editor only, which needs a terminal. The line is there
# when the editor begins. compadd() adds matches; with -O, -A and -D it only
# sorts them. What it has found of all completions can be kept in $DUMP, as that
# takes it most of its time.
ZSHRC = r"""
[[ -z $FOLDER ]] || fpath=($FOLDER $fpath)
autoload -Uz compinit
if [[ -n $DUMP ]]; then compinit -C -d $DUMP; else compinit -u -D; fi
compadd() {
    local -a matches
    if [[ " ${(j: :)@[1,(i)(-|--)]}" != *\ -[[:alnum:]]#[OAD]* ]]; then
        builtin compadd -O matches "$@"
        print -rl -- $matches >>$ZDOTDIR/offered
    fi
    builtin compadd "$@"
}
zle-line-init() {
    BUFFER=$LINE CURSOR=$#LINE
    zle complete-word
    print -r -- $BUFFER >$ZDOTDIR/line
    exit
}
zle -N zle-line-init
"""
ZSH = r"""
export FOLDER=$1 LINE=$2 ZDOTDIR=$(mktemp -d)
trap 'rm -rf $ZDOTDIR' EXIT
print -r -- $3 >$ZDOTDIR/.zshrc; : >$ZDOTDIR/offered
zmodload zsh/zpty
zpty shell exec zsh -d -i
while zpty -r shell; do :; done >/dev/null
cat $ZDOTDIR/${4:-offered}
"""


def command(shell, words, folder=COMPLETIONS):
    """What prints the offers, one a line."""
    line = " ".join([*map(shlex.quote, words[:-1]), words[-1]])
    return {
        "bash": ["bash", "--norc", "-c", BASH, "bash", folder, *words],
        "fish": ["fish", "-c", FISH, folder, line],
        "zsh": ["zsh", "-fc", ZSH, "zsh", folder, line, ZSHRC],
    }[shell]


def line_after(words):
    """What prints the line that zsh has made of these words."""
    return [*command("zsh", words), "line"]


def offered(output):
    """The offers in order, each once: without what fish says of them, and the
    backslash that bash and zsh put before a blank."""
    return sorted({line.split("\t")[0].replace("\\ ", " ")
                   for line in output.splitlines() if line})
