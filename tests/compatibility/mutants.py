"""The programs changed in one place: what must be found."""

from typing import NamedTuple


class Mutant(NamedTuple):
    name: str
    is_writer: bool     # it shows when the programs of before find what it wrote
    changes: tuple


STATE, ENVELOPE = "src/spool/state.c", "src/spool/entry_envelope.c"

MUTANTS = (
    Mutant("a keyword is forgotten", False, (
        (ENVELOPE, '{ "envid", read_envid },', ""),)),
    Mutant("the reason why a recipient cannot be one is forgotten", False, (
        (ENVELOPE, '{ "opt-flaw", read_flaw },', ""),)),
    Mutant("the smarthost of a message is forgotten", False, (
        (ENVELOPE, '{ "smarthost", read_smarthost },', ""),)),
    Mutant("a local name as the sender is a wrong line", False, (
        (ENVELOPE, "    env->from_local = *value",
         "    if (*envelope_reverse_path(env) != '\\0')\n"
         '        return refuse_line(err, "from");\n'
         "    env->from_local = *value"),)),
    Mutant("what is held is not held any more", False, (
        (STATE, "state->held = reading.values[HELD] != 0;",
         "state->held = false;"),)),
    Mutant("a state begins with another word", False, (
        (STATE, '{ "postrider-state", 1 }', '{ "postrider-status", 1 }'),)),
    Mutant("a member of the state has another name", False, (
        (STATE, '{ "reports", UINT_MAX }', '{ "told", UINT_MAX }'),)),
    Mutant("journals have another name", False, (
        ("src/spool/journal.c", '"journal."', '"accepted."'),)),
    Mutant("the state of what was given up has another name", False, (
        (STATE, 'alloc_format("%s.state", id)', 'alloc_format("%s.st", id)'),
    )),
    Mutant("what was delivered is not known any more", False, (
        (STATE, '"delivered"', '"done"'),)),
    Mutant("the frame of a message is another one", True, (
        ("src/spool/draft.c", '"END %020', '"End %020'),
        ("src/spool/entry.c", 'memcmp(line, "END ", 4)',
         'memcmp(line, "End ", 4)'))),
)
