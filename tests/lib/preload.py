"""A library of this folder that programs are started with, and the numbers
that it shares with the test.

    slow = Preload(tmp_path, "slow_queue", [1])
    with queue.daemon(env=slow.environment) as daemon:
        slow.write([0])
"""

import pathlib
import struct

from lib.compiler import compile_c

SOURCES = pathlib.Path(__file__).parent


class Preload:
    def __init__(self, folder, name, numbers):
        """NAME.c is compiled into `folder`, where the numbers are, too."""
        library = folder / f"{name}.so"
        compile_c("-shared", "-fPIC", "-o", library, SOURCES / f"{name}.c")
        self._file = folder / name
        self._file.touch()
        self._file.chmod(0o666)         # for a daemon of another user
        self.write(numbers)
        self.environment = {
            "LD_PRELOAD": str(library), name.upper(): str(self._file),
            "ASAN_OPTIONS": "exitcode=99:verify_asan_link_order=0"}

    def write(self, numbers):
        # In place: programs have it mapped.
        with open(self._file, "r+b") as file:
            file.write(struct.pack(f"={len(numbers)}q", *numbers))

    def read(self):
        return [number for number, in
                struct.iter_unpack("=q", self._file.read_bytes())]
