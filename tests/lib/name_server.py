"""Run a program where this name server is the only one there is.

    unshare -mn python3 name_server.py NAME="PRIORITY WEIGHT PORT TARGET"... \\
        -- PROGRAM [ARGUMENT ...]

It knows SRV records only, and says of everything else that it is not there.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading

SRV, IN = 33, 1
NO_SUCH_NAME = 3


def encode(name):
    labels = [part.encode() for part in name.rstrip(".").split(".") if part]
    return b"".join(bytes([len(part)]) + part for part in labels) + b"\0"


def record(text):
    priority, weight, port, target = text.split()
    data = struct.pack("!HHH", int(priority), int(weight), int(port)) \
        + encode(target)
    # The owner is the name in the question, at octet 12.
    return struct.pack("!HHHIH", 0xc00c, SRV, IN, 60, len(data)) + data


def answer(query, records):
    end = query.index(b"\0", 12) + 1
    name, kind = query[12:end].lower(), query[end:end + 2]
    found = [record(text) for owner, text in records
             if encode(owner) == name and kind == struct.pack("!H", SRV)]
    header = query[:2] + struct.pack(
        "!HHHHH", 0x8180 | (0 if found else NO_SUCH_NAME), 1, len(found), 0, 0)
    return header + query[12:end + 4] + b"".join(found)


def loopback_up():
    """What ip(8) does, which need not be there."""
    set_flags, up = 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh", b"lo", up))


def serve(server, records):
    while True:
        query, peer = server.recvfrom(4096)
        server.sendto(answer(query, records), peer)


def main():
    split = sys.argv.index("--")
    records = [text.split("=", 1) for text in sys.argv[1:split]]
    loopback_up()
    with tempfile.NamedTemporaryFile("w") as resolver:
        resolver.write("nameserver 127.0.0.1\n")
        resolver.flush()
        os.chmod(resolver.name, 0o644)
        subprocess.run(["mount", "--bind", resolver.name, "/etc/resolv.conf"],
                       check=True)
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 53))
        threading.Thread(target=serve, args=(server, records),
                         daemon=True).start()
        return subprocess.run(sys.argv[split + 1:], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
