"""A name server for the programs under test only.

    with Nameserver(records) as server:
        queue.daemon(preexec_fn=server.use)

records is {"NAME": [("A", "127.0.0.1"), ("SRV", 10, 0, 587, "HOST")]}. It
listens at port 53 of a loopback address that no other test has; use() gives the
calling process an /etc/resolv.conf of its own, which takes root.
"""

import errno
import os
import random
import socket
import struct
import tempfile
import threading

from .mounts import mounted

TYPES = {"A": 1, "AAAA": 28, "SRV": 33}


def encode(name):
    return b"".join(bytes([len(label)]) + label.encode()
                    for label in name.split(".") if label) + b"\0"


def read_name(data, at):
    labels = []
    while data[at]:
        labels.append(data[at + 1:at + 1 + data[at]].decode())
        at += 1 + data[at]
    return ".".join(labels).lower(), at + 1


def data_of(record):
    if record[0] == "A":
        return socket.inet_aton(record[1])
    if record[0] == "AAAA":
        return socket.inet_pton(socket.AF_INET6, record[1])
    return struct.pack("!HHH", *record[1:4]) + encode(record[4])


def _listen():
    """A socket and its address: several tests run at a time."""
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    while True:
        address = f"127.53.{random.randrange(256)}.{random.randrange(256)}"
        try:
            taken.bind((address, 53))
            return taken, address
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise


class Nameserver:
    def __init__(self, records):
        self.records = records
        self.asked = []
        self.socket, self.address = _listen()
        self.file = tempfile.NamedTemporaryFile("w", suffix=".conf")
        self.file.write(f"nameserver {self.address}\n")
        self.file.flush()
        os.chmod(self.file.name, 0o644)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.sendto(b"", (self.address, 53))
        self.thread.join()
        self.socket.close()
        self.file.close()

    def serve(self):
        while query := self.socket.recvfrom(512):
            data, peer = query
            if not data:
                return
            self.socket.sendto(self.answer(data), peer)

    def answer(self, query):
        name, end = read_name(query, 12)
        kind = struct.unpack_from("!H", query, end)[0]
        self.asked.append((name, kind))
        known = self.records.get(name)
        found = [record for record in known or ()
                 if TYPES[record[0]] == kind]
        head = query[:2] + struct.pack(
            "!HHHHH", 0x8180 | (3 if known is None else 0), 1, len(found), 0, 0)
        return head + query[12:end + 4] + b"".join(
            b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data
            for data in map(data_of, found))

    def use(self):
        mounted(self.file.name, "/etc/resolv.conf")()
