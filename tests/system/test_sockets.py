"""The daemon's TCP sockets: who binds them, and how long they live."""

import os
import pathlib
import signal
import socket
import subprocess
import sys

import pytest

from lib.harness import message
from lib.queue import ALICE, DAEMON, as_root, user
from lib.wire import free_port

UNPRIVILEGED_PORTS = pathlib.Path(
    "/proc/sys/net/ipv4/ip_unprivileged_port_start")
LOW = "127.25.25.25:25"        # which nothing else has


def greeting():
    address, port = LOW.split(":")
    with socket.create_connection((address, int(port)), 30) as client:
        return client.recv(4)


@as_root
def test_low_port(queue):
    """Bound while the daemon is root, and kept over a reload."""
    queue.write_config(settings={"listen": [LOW]})
    with queue.daemon() as daemon:
        assert greeting() == b"220 "
        here = daemon.mark()
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("daemon: started", after=here)
        assert greeting() == b"220 "
        queue.write_config(settings={"listen": []})
        here = daemon.mark()
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("daemon: started", after=here)
        with pytest.raises(ConnectionRefusedError):
            greeting()


@as_root
@pytest.mark.skipif(int(UNPRIVILEGED_PORTS.read_text()) <= 25,
                    reason="anybody may listen there")
def test_low_port_of_a_daemon_that_is_not_root(queue, smarthost):
    """It says what helps, and mail goes all the same."""
    queue.write_config(smarthost, settings={"listen": [LOW]})
    with queue.daemon(user=DAEMON.pw_uid, group=DAEMON.pw_gid,
                      extra_groups=[]) as daemon:
        daemon.wait_for(f"listen at {LOW}: Permission denied; start the daemon as "
                        "root, or use postrider-smtp.socket")
        queue.sendmail("r@b.example", stdin=message()).expect(0)
        daemon.wait_until_removed(1)


@as_root
def test_sockets_that_are_handed_over(queue, tmp_path):
    """As sd_listen_fds(3) has it."""
    with socket.create_server(("127.0.0.1", 0)) as ours:
        # Named twice, so that two hear of a client that only one can accept.
        queue.write_config(settings={
            "listen": ["%s:%d" % ours.getsockname()] * 2})
        starter = tmp_path / "starter"
        starter.write_text("#!/bin/sh\nLISTEN_PID=$$ LISTEN_FDS=1 "
                           f"exec {queue.build}/postrider \"$@\"\n")
        starter.chmod(0o755)
        with queue.daemon(executable=str(starter), pass_fds=[3],
                          preexec_fn=lambda: os.dup2(ours.fileno(), 3)):
            with socket.create_connection(ours.getsockname(), 30) as client:
                assert client.recv(4) == b"220 "
                queue.status()


@as_root
@pytest.mark.parametrize("port", [25, 0], ids=["low", "high"])
def test_port_of_another_program(queue, smarthost, port):
    """Such as the MTA that was there before; mail goes all the same."""
    with socket.create_server((LOW.split(":")[0], port)) as other:
        queue.write_config(smarthost, settings={
            "listen": ["%s:%d" % other.getsockname()]})
        with queue.daemon() as daemon:
            daemon.wait_for("Address already in use; another program listens there: "
                            "stop it and restart the daemon, ")
            queue.sendmail("r@b.example", stdin=message()).expect(0)
            daemon.wait_until_removed(1)


def greeting_at(path):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(30)
    client.connect(str(path))
    return client, client.recv(4)


@as_root
def test_one_user_cannot_keep_others_out(queue):
    """Idle connections are limited for each user."""
    path = queue.run_folder / "submit"
    queue.write_config(settings={"listen": [str(path)]})
    with queue.daemon():
        clients = [greeting_at(path) for _ in range(30)]
        codes = [code for _, code in clients]
        assert codes == [b"220 "] * 25 + [b"421 "] * 5
        other = subprocess.run(
            [sys.executable, "-c", "import socket,sys\n"
             "s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
             "print(s.recv(4))", str(path)],
            capture_output=True, text=True, timeout=30, check=True,
            **user(ALICE))
        assert other.stdout == "b'220 '\n"
        for client, _ in clients:
            client.close()


@as_root
def test_tcp_cannot_keep_others_out(queue):
    """Its clients have no names: all of them have half of the places."""
    path, port = queue.run_folder / "submit", free_port()
    queue.write_config(settings={"listen": [f"127.0.0.1:{port}", str(path)]})
    with queue.daemon() as daemon:
        clients, greetings = [], []
        for _ in range(106):        # each is served before the next one comes
            clients.append(socket.create_connection(("127.0.0.1", port), 30))
            greetings.append(clients[-1].recv(100))
        assert [g[:4] for g in greetings] == [b"220 "] * 50 + [b"421 "] * 56
        assert greetings[-1] == b"421 4.3.2 Too many connections: close " \
            b"some, or try again later\r\n"
        local, code = greeting_at(path)
        assert code == b"220 "
        local.close()
        # Half is taken: who comes now and says nothing goes soon.
        crowded, code = greeting_at(path)
        assert code == b"220 "
        words = b""
        while more := crowded.recv(100):
            words += more
        assert b"421 4.4.2" in words, daemon.log
        crowded.close()
        for client in clients:
            client.close()


@as_root
def test_a_share_holds_over_a_reload(queue):
    """Servers go on when the daemon is executed again, and count still."""
    path = queue.run_folder / "submit"
    queue.write_config(settings={"listen": [str(path)]})
    with queue.daemon() as daemon:
        clients = [greeting_at(path)[0] for _ in range(25)]
        for reloads in (1, 2):
            daemon.signal(signal.SIGHUP)
            daemon.wait_for(" started: ", 1 + reloads)
            refused, code = greeting_at(path)
            assert code == b"421 ", daemon.log
            refused.close()
        served = daemon.children("sendmail")
        assert len(served) == 25
        os.kill(served[0], signal.SIGKILL)
        daemon.wait_for(f"sendmail -bs {served[0]} ended by signal 9$")
        client, code = greeting_at(path)
        assert code == b"220 ", daemon.log
        for one in [*clients, client]:
            one.close()


@as_root
def test_server_that_is_killed_is_logged(queue):
    """Its client has no reply that could say why."""
    path = queue.run_folder / "submit"
    queue.write_config(settings={"listen": [str(path)]})
    with queue.daemon() as daemon:
        client, _ = greeting_at(path)
        server, = daemon.children("sendmail")
        os.kill(server, signal.SIGKILL)
        daemon.wait_for(f"sendmail -bs {server} ended by signal 9$")
        client.close()


@as_root
def test_servers_of_a_socket_unit_count_a_users_connections(queue):
    """They share no parent that could, and systemd counts users late."""
    path = queue.run_folder / "unit"
    places = queue.run_folder / "connections"
    queue.write_config()
    environment = queue.environment()
    environment["ASAN_OPTIONS"] += ":detect_leaks=0"
    servers = []

    def serve():
        connection, _ = unit.accept()
        with connection:
            servers.append(subprocess.Popen(
                [queue.build / "sendmail", "-bs", "-O",
                 f"ConnectionsFile={places}"], stdin=connection,
                stdout=connection, env=environment, **user(DAEMON.pw_uid)))

    def connect():
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(30)
        client.connect(str(path))
        serve()
        return client, client.recv(4)

    with socket.socket(socket.AF_UNIX) as unit:
        unit.bind(str(path))
        path.chmod(0o666)
        unit.listen()
        clients = [connect() for _ in range(27)]
        assert [code for _, code in clients] == [b"220 "] * 25 + [b"421 "] * 2
        other = subprocess.Popen(
            [sys.executable, "-c", "import socket,sys\n"
             "s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
             "print(s.recv(4))", str(path)],
            stdout=subprocess.PIPE, text=True, **user(ALICE))
        serve()
        assert other.communicate(timeout=30)[0] == "b'220 '\n"
        # A place is free when its server has ended.
        clients[0][0].close()
        servers[0].wait(30)
        assert connect()[1] == b"220 "
        for client, _ in clients:
            client.close()
    for server in servers:
        server.wait(30)
    assert places.stat().st_size == 0


@as_root
def test_everybody_gets_a_place(queue):
    """However many users hold all they may."""
    path = queue.run_folder / "submit"
    queue.write_config(settings={"listen": [str(path)]})
    code = ("import socket,sys\n"
            "held=[]\n"
            "while True:\n"
            " s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
            " if s.recv(4) != b'220 ': break\n"
            " held.append(s)\n"
            "print(len(held), flush=True)\n"
            "sys.stdin.read()\n")
    with queue.daemon():
        users, got = [], []
        for n in range(7):
            users.append(subprocess.Popen(
                [sys.executable, "-c", code, str(path)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                **user(ALICE + n)))
            got.append(int(users[-1].stdout.readline()))
        assert got == [25, 25, 25, 13, 6, 3, 2]
        for each in users:
            each.stdin.close()
            each.stdout.close()
            each.wait(30)
