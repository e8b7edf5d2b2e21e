"""The log of dm-log-writes: what was written to a disk, in the order in which
the disk completed it (Documentation/admin-guide/device-mapper/log-writes.rst
of the kernel). Writes stand before the flush that made them durable."""

import collections
import fcntl
import os
import struct

MAGIC, VERSION = 0x6a736677736872, 1
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
SUPER, ENTRY = struct.Struct("<QQQI"), struct.Struct("<QQQQ")

# struct dm_ioctl of linux/dm-ioctl.h, and the request for a target's message
DM_IOCTL = struct.Struct("=3I4I2IIQ128s129s7x")
DM_TARGET_MSG = 0xc138fd0e

# What a disk was asked to do: `data` is where its octets are in the log.
Entry = collections.namedtuple("Entry", "flags begin length data mark")


class Log:
    def __init__(self, path):
        self._file = os.open(path, os.O_RDONLY)
        magic, version, self._count, self._sector = SUPER.unpack(
            os.pread(self._file, SUPER.size, 0))
        assert (magic, version) == (MAGIC, VERSION), "not a log of log-writes"

    def __iter__(self):
        place = self._sector
        for _ in range(self._count):
            sector, count, flags, length = ENTRY.unpack(
                os.pread(self._file, ENTRY.size, place))
            mark = os.pread(self._file, length, place + ENTRY.size).decode() \
                if flags & MARK else None
            place += self._sector
            octets = 0 if mark else count * self._sector
            yield Entry(flags, sector * self._sector, octets, place, mark)
            if not flags & DISCARD:
                place += octets

    def apply(self, entry, disk, most=None):
        """Do it to another disk, a file; at most so many octets of it."""
        length = entry.length if most is None else min(most, entry.length)
        octets = bytes(length) if entry.flags & DISCARD \
            else os.pread(self._file, length, entry.data)
        assert os.pwrite(disk, octets, entry.begin) == length


class Marks:
    """Notes in the log of a mapped device that records."""

    def __init__(self, name):
        self._name = name.encode()
        self._control = os.open("/dev/mapper/control", os.O_RDWR)

    def add(self, text):
        """All that was flushed until now stands before it."""
        message = struct.pack("=Q", 0) + f"mark {text}\0".encode()
        size = DM_IOCTL.size + len(message)
        head = DM_IOCTL.pack(4, 0, 0, size, DM_IOCTL.size, 0, 0, 0, 0, 0, 0,
                             self._name, b"")
        fcntl.ioctl(self._control, DM_TARGET_MSG, bytearray(head + message))
