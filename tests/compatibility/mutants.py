"""The programs changed in one place: what must be found."""

from typing import NamedTuple


class Mutant(NamedTuple):
    name: str
    is_writer: bool     # it shows when the programs of before find what it wrote
    changes: tuple


STATE = "src/spool/state.c"

MUTANTS = (
    Mutant("a keyword is forgotten", False, (
        ("src/spool/entry_envelope.c", '{ "envid", read_envid },', ""),)),
    Mutant("a state begins with another word", False, (
        (STATE, '{ "postrider-state", 1 }', '{ "postrider-status", 1 }'),)),
    Mutant("a member of the state has another name", False, (
        (STATE, '{ "reports", UINT_MAX }', '{ "told", UINT_MAX }'),)),
    Mutant("what was delivered is not known any more", False, (
        ("src/spool/state.c", '"delivered"', '"done"'),)),
    Mutant("the frame of a message is another one", True, (
        ("src/spool/draft.c", '"END %020', '"End %020'),
        ("src/spool/entry.c", 'memcmp(line, "END ", 4)',
         'memcmp(line, "End ", 4)'))),
)
