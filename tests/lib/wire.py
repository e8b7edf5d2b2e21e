"""One connection as a server sees it: lines, octets, TLS, and a record.

TLS runs over memory, so that the server decides about every octet: what
arrived before a handshake goes into it, and garbage can take its place.
"""

import errno
import functools
import select
import socket
import ssl
import struct
import threading

PATIENCE = 60           # seconds; the end of a test that has gone wrong


class Closed(Exception):
    """The peer closed the connection, reset it, or broke off TLS."""


class Connection:
    """Octets in `received` and `sent` are those inside TLS, once there is
    some; `received_in_clear` and `sent_in_clear` are those before it."""

    def __init__(self, sock):
        self.sock = sock
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.received = bytearray()
        self.sent = bytearray()
        self.received_in_clear = bytearray()
        self.sent_in_clear = bytearray()
        self.end = None             # "closed", "reset", "tls: ...", "by us"
        self.tls = None             # the ssl.SSLObject
        self.keylog = None          # path of a file with TLS secrets
        self._in = self._out = None

    # Receiving

    def pending(self):
        """What has arrived already, unread; does not wait."""
        while self.end is None and select.select([self.sock], [], [], 0)[0]:
            try:
                self._fill()
            except Closed:
                break
        return bytes(self.buffer)

    def line(self, limit=1 << 20):
        """The next line, with its line end. Raises Closed."""
        start = 0
        while True:
            position = self.buffer.find(b"\n", start)
            if position >= 0:
                return self.take(position + 1)
            if len(self.buffer) > limit:
                raise Closed(f"a line of more than {limit} octets")
            start = len(self.buffer)
            self._fill()

    def exactly(self, count):
        """The next count octets. Raises Closed."""
        while len(self.buffer) < count:
            self._fill()
        return self.take(count)

    def take(self, count):
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def content(self):
        """A message up to the lone dot, as on the wire without the dot."""
        start = 0
        while len(self.buffer) < 3:
            self._fill()
        if self.buffer.startswith(b".\r\n"):
            self.take(3)
            return b""
        while True:
            position = self.buffer.find(b"\r\n.\r\n", max(0, start - 4))
            if position >= 0:
                data = self.take(position + 5)
                return data[:-3]
            start = len(self.buffer)
            self._fill()

    def something(self):
        """Whatever comes next, at least an octet. Raises Closed."""
        if not self.buffer:
            self._fill()
        return self.take(len(self.buffer))

    def drain(self):
        """Read until the peer closes; returns what came."""
        try:
            while True:
                self._fill()
        except Closed:
            return self.take(len(self.buffer))

    def _fill(self):
        """Wait for more octets in the buffer."""
        if self.end is not None:
            raise Closed(self.end)
        before = len(self.buffer)
        while len(self.buffer) == before:
            self._plain(self._receive())

    def _receive(self):
        try:
            data = self.sock.recv(1 << 16)
        except (ConnectionResetError, BrokenPipeError):
            self._ended("reset")
        except socket.timeout:
            self._ended("nothing came for too long")
        except OSError:
            self._ended("by us")
        if not data:
            self._ended("closed")
        return data

    def _plain(self, data):
        if self.tls is None:
            self.received_in_clear += data
            self.received += data
            self.buffer += data
            return
        self._in.write(data)
        try:
            while True:
                plain = self.tls.read(1 << 16)
                if not plain:
                    self._ended("closed")
                self.received += plain
                self.buffer += plain
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            if isinstance(error, (ssl.SSLZeroReturnError, ssl.SSLEOFError)):
                self._ended("closed")
            self._ended("tls: " + str(error))

    def _ended(self, how):
        if self.end is None:
            self.end = how
        raise Closed(how)

    # Sending

    def send(self, data):
        """Raises Closed if the peer is gone."""
        self.sent += data
        if self.tls is None:
            self.sent_in_clear += data
            self._transmit(data)
            return
        for start in range(0, len(data), 1 << 14):
            self.tls.write(data[start:start + (1 << 14)])
            self._flush()

    def send_beside_tls(self, data):
        """Octets which are not part of the TLS stream."""
        self._transmit(data)

    def _flush(self):
        data = self._out.read()
        if data:
            self._transmit(data)

    def _transmit(self, data):
        try:
            self.sock.sendall(data)
        except (ConnectionResetError, BrokenPipeError):
            self._ended("reset")
        except socket.timeout:
            self._ended("the peer did not read for too long")
        except OSError:
            self._ended("by us")

    def wait_readable(self, seconds):
        """Has anything arrived, or the peer closed, within this time?"""
        return bool(select.select([self.sock], [], [], seconds)[0])

    # TLS

    def start_tls(self, context):
        """The server's side of a handshake. Raises Closed."""
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.keylog = context.keylog_filename
        tls = context.wrap_bio(self._in, self._out, server_side=True)
        self._in.write(self.take(len(self.buffer)))
        try:
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    self._flush()
                    self._in.write(self._receive())
        except ssl.SSLError as error:
            self._say_goodbye()
            self._ended("tls: " + str(error))
        self._flush()
        self.tls = tls
        self._plain(b"")

    def _say_goodbye(self):
        """The alert that explains a failed handshake."""
        try:
            self._flush()
        except Closed:
            pass

    # Ending

    def close(self, notify=True):
        """notify: with TLS's close_notify, as is proper."""
        if self.tls is not None and notify and self.end is None:
            try:
                self.tls.unwrap()
            except ssl.SSLError:
                pass
            self._say_goodbye()
        self.end = self.end or "by us"
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.sock.close()

    def reset(self):
        """End with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.end = self.end or "by us"
        self.sock.close()

    def abort(self):
        """Called from another thread: wake the thread that waits here."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Listener:
    """A port on loopback, IPv4 and IPv6 alike, and a thread a connection.

    serve(connection) is called in the thread. What it raises is kept in
    `errors`, except Closed.
    """

    def __init__(self, serve, families=("ipv4", "ipv6"), port=0):
        self._serve = serve
        self._sockets = bind_loopback(families, port)
        self.port = self._sockets[0].getsockname()[1]
        self.errors = []
        self._lock = threading.Lock()
        self._open = set()
        self._threads = []
        self._closing = False
        self._wake, self._woken = socket.socketpair()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self):
        while True:
            ready = select.select(self._sockets + [self._woken], [], [])[0]
            if self._woken in ready:
                return
            for sock in ready:
                connection = Connection(sock.accept()[0])
                thread = threading.Thread(target=self._run, daemon=True,
                                          args=(connection,))
                with self._lock:
                    self._open.add(connection)
                    self._threads.append(thread)
                thread.start()

    def _run(self, connection):
        try:
            self._serve(connection)
        except Closed:
            pass
        except Exception as error:      # shown by the test, not lost
            if not self._closing:
                self.errors.append(error)
        finally:
            connection.close()
            with self._lock:
                self._open.discard(connection)

    def finish(self, patience=5):
        """Stop listening, give the threads time to end by themselves."""
        self.stop_listening()
        for thread in self._threads:
            thread.join(patience)
        self.close()

    def close(self):
        """Stop listening, end all connections, wait for their threads."""
        self._closing = True
        self.stop_listening()
        with self._lock:
            for connection in self._open:
                connection.abort()
        for thread in self._threads:
            thread.join(PATIENCE)


    def stop_listening(self):
        """Connections that are open stay."""
        if self._wake.fileno() == -1:
            return
        self._wake.close()
        self._acceptor.join(PATIENCE)
        for sock in self._sockets:
            sock.close()
        self._woken.close()


@functools.lru_cache(maxsize=None)
def localhost():
    """Its name, if that is one address: a root that was just made may have no
    /etc/hosts, most machines have two there, and the fake smarthost would get
    each attempt twice."""
    try:
        found = socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)
    except socket.gaierror:
        found = []
    return "localhost" if len(found) == 1 else "127.0.0.1"


def bind_loopback(families, port):
    """Sockets that listen on the same port of each family's loopback; a
    family that this machine lacks is left out, unless it is the only one."""
    for _ in range(50):
        sockets = []
        try:
            number = port
            for family in families:
                sock = bind_one(family, number)
                if sock is not None:
                    sockets.append(sock)
                    number = sock.getsockname()[1]
            if sockets:
                return sockets
            break
        except OSError:                 # taken in the other family
            for sock in sockets:
                sock.close()
            if port:
                raise
    raise OSError(f"cannot listen on the loopback of {families}")


def bind_one(family, port):
    """A listening socket, or None where there is no such family."""
    kind, address = {"ipv4": (socket.AF_INET, "127.0.0.1"),
                     "ipv6": (socket.AF_INET6, "::1")}[family]
    try:
        sock = socket.socket(kind, socket.SOCK_STREAM)
    except OSError:
        return None
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(128)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRNOTAVAIL:
            return None
        raise
    return sock


def free_port():
    """A port without a listener (until another process takes it)."""
    sockets = bind_loopback(("ipv4", "ipv6"), 0)
    port = sockets[0].getsockname()[1]
    for sock in sockets:
        sock.close()
    return port
