"""A clock of the test's own for programs that are started with its
`environment`.

    def test_example(queue, clock):
        with queue.daemon(env=clock.environment) as daemon:
            clock.turn(3600)            # it is set ahead
            clock.elapse(86400)         # a day goes by
"""

import pathlib
import struct
import subprocess

SOURCE = pathlib.Path(__file__).parent / "fake_time.c"


class Clock:
    def __init__(self, folder):
        library = folder / "fake_time.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, SOURCE],
                       check=True)
        self._file = folder / "fake_time"
        self._turned = self._elapsed = 0
        self._file.write_bytes(bytes(16))
        self.environment = {
            "LD_PRELOAD": str(library), "FAKE_TIME": str(self._file),
            "ASAN_OPTIONS": "exitcode=99:verify_asan_link_order=0"}

    def _write(self):
        # In place: programs have it mapped.
        with open(self._file, "r+b") as file:
            file.write(struct.pack("=qq", self._turned + self._elapsed,
                                   self._elapsed))

    def turn(self, seconds):
        """So far ahead of the real one is it set, as by an administrator."""
        self._turned = seconds
        self._write()

    def elapse(self, seconds):
        """So much time goes by, for all clocks."""
        self._elapsed += seconds
        self._write()
