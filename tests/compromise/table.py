"""The published table: what succeeds in each process, and why it must.

    # process
    ## why what follows must be allowed
    call read write
    read <message in drop/>
    hold <queue/>
    perhaps make-user-namespace

Not every machine and every version of a library has what is "perhaps" so.
"""

import textwrap

NOT_EXPLAINED = "not explained"
PERHAPS = "perhaps "
WORDS = "call ", "no-call "     # whose objects share lines


class Table:
    """{process: {reason: [line]}}; a call has a line of its own here."""

    def __init__(self, path):
        self._path = path
        self._processes = {}
        self._head = []
        process = reason = None
        for line in path.read_text().splitlines() if path.exists() else []:
            if line.startswith("## "):
                reason = process.setdefault(line[3:], [])
            elif line.startswith("# "):
                process = self._processes.setdefault(line[2:], {})
            elif process is None:
                self._head.append(line)
            elif line.startswith(WORDS):
                word, *names = line.split()
                reason += [f"{word} {name}" for name in names]
            elif line:
                reason.append(line)

    def differences(self, process, found):
        """A line for each, between the table and what has succeeded."""
        groups = self._processes.get(process, {})
        known = {line for lines in groups.values() for line in lines}
        allowed = {line.removeprefix(PERHAPS) for line in known}
        return [f"{process}: not in the table, and succeeds: {line}"
                for line in found if line not in allowed] + \
            [f"{process}: in the table, and does not succeed: {line}"
             for line in sorted(known - set(found))
             if not line.startswith(PERHAPS)] + \
            [f"{process}: in the table without a reason: {line}"
             for line in groups.get(NOT_EXPLAINED, [])]

    def update(self, process, found):
        """As it was found: what is known keeps its reason."""
        groups = self._processes.setdefault(process, {})
        known = {line.removeprefix(PERHAPS)
                 for lines in groups.values() for line in lines}
        for reason, lines in groups.items():
            groups[reason] = [line for line in lines if line in found or
                              line.startswith(PERHAPS)]
        groups.setdefault(NOT_EXPLAINED, []).extend(
            line for line in found if line not in known)
        self._processes[process] = {
            reason: lines for reason, lines in groups.items() if lines}

    def write(self):
        text = "\n".join(self._head) + "\n" if self._head else ""
        for process, groups in self._processes.items():
            text += f"# {process}\n"
            for reason, lines in groups.items():
                text += f"## {reason}\n"
                for word in WORDS:
                    names = " ".join(line.removeprefix(word) for line in lines
                                     if line.startswith(word))
                    text += "".join(f"{word}{line}\n" for line in
                                    textwrap.wrap(names, 70))
                text += "".join(f"{line}\n" for line in lines
                                if not line.startswith(WORDS))
            text += "\n"
        self._path.write_text(text.rstrip("\n") + "\n")
