"""A clock of the test's own for programs that are started with its
`environment`.

    def test_example(queue, clock):
        with queue.daemon(env=clock.environment) as daemon:
            clock.turn(3600)            # it is set ahead
            clock.elapse(86400)         # a day goes by
"""

from lib.preload import Preload


class Clock:
    def __init__(self, folder):
        self._turned = self._elapsed = 0
        self._library = Preload(folder, "fake_time", [0, 0])
        self.environment = self._library.environment

    def _write(self):
        self._library.write([self._turned + self._elapsed, self._elapsed])

    def turn(self, seconds):
        """So far ahead of the real one is it set, as by an administrator."""
        self._turned = seconds
        self._write()

    def elapse(self, seconds):
        """So much time goes by, for all clocks."""
        self._elapsed += seconds
        self._write()
