"""Runs the cases of tests/callers/cases; see README.md and run.

    play.py --packages                      what must be installed
    play.py ROOT POSTRIDER.DEB [CALLER...]  in name spaces of its own
"""

import pathlib
import re
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

# pylint: disable=wrong-import-position
import checks                                       # noqa: E402
from cases import read_callers                      # noqa: E402
from lib.certificates import Certificates           # noqa: E402
from lib.smarthost import Smarthost                 # noqa: E402
from world import Unable, World, end                # noqa: E402

EX_TEMPFAIL = 75        # "this host cannot do it", here
PATIENCE = 20           # seconds until all that a caller sent must be there
CASES, DATA = HERE / "cases", HERE / "data"


class Player:
    def __init__(self, world, smarthost):
        self.world, self.smarthost = world, smarthost
        self.passed, self.failed = 0, []
        self.changed = threading.Event()
        world.log.notify = self.changed.set
        smarthost.on_message = lambda message: self.changed.set()
        smarthost.recipients["later@dest.example"] = "451 4.3.0 later"
        smarthost.recipients["nobody@dest.example"] = "550 5.1.1 nobody"

    def start_daemon(self):
        daemon = self.world.start("exec postrider daemon")
        log = self.world.log
        self.wait(PATIENCE, lambda: log.count(r"^<\d+>.{15} postrider/daemon"
                                              r"\[\d+\]: started: ") or
                  daemon.poll() is not None)
        if daemon.poll() is not None:
            raise SystemExit("the daemon ended: " + "\n".join(log.lines))
        return daemon

    def play(self, caller):
        started = time.monotonic()
        failed = len(self.failed)
        if caller.setup:
            self.world.must(caller.setup)
        for case in caller.cases:
            for user in case.words("users"):
                if case["direct"] != "only":
                    self.play_case(case, user, "queue")
                if case["direct"] != "no":
                    self.play_case(case, user, "direct")
        verdict = "FAILED" if len(self.failed) > failed else "ok"
        print(f"{caller.name:24} {verdict:6} "
              f"{time.monotonic() - started:5.1f} s", flush=True)

    def play_case(self, case, user, delivery):
        """The script, the messages that come of it, and the verdict."""
        before, removed = len(self.smarthost.messages), self.removed()
        daemon = self.world.start(case["daemon"]) if case["daemon"] else None
        try:
            result = self.run_script(case, user, delivery)
            wanted = int(case["messages"])
            self.wait(PATIENCE if str(result.status) == case["exit"] else 1,
                      lambda: len(self.smarthost.messages) >= before + wanted
                      and (delivery == "direct" or
                           self.removed() >= removed + wanted)
                      and not self.world.waiting())
        finally:
            if daemon:
                end(daemon)
        messages = self.smarthost.messages[before:]
        problems = [*self.outside(case, result, messages),
                    *checks.problems(case, user, messages, DATA),
                    *self.smarthost.violations]
        if delivery == "direct" and self.removed() > removed:
            problems.append("it went into the queue")
        self.smarthost.violations.clear()
        if not problems:
            self.passed += 1
            return
        name = f"{case.caller}: {case.name} ({user}, {delivery})"
        self.failed.append(name)
        print(f"FAILED {name}", *problems, shown(result.output[-500:]),
              shown(result.errors[-2000:]), sep="\n    ", flush=True)

    def run_script(self, case, user, delivery):
        folder = tempfile.mkdtemp(dir=self.world.root / "tmp")
        inside = "/tmp/" + pathlib.Path(folder).name
        self.world.must(f"chown {user}: {inside}")
        environment = {} if delivery == "queue" else \
            {"POSTRIDER_CONFIG": f"/etc/postrider/direct.{user}"}
        return self.world.run(case.script, user, inside, **environment)

    def outside(self, case, result, messages):
        """What is wrong with what the user of the program sees."""
        if str(result.status) != case["exit"]:
            yield f"exit status {result.status}, not {case['exit']}"
        if not re.search(case["output"], result.output, re.S):
            yield f"the output is without {case['output']!r}"
        if len(messages) != int(case["messages"]):
            yield f"{len(messages)} messages, not {case['messages']}"
        for file in self.world.waiting():
            yield f"{file} is left in the spool"

    def removed(self):
        return self.world.log.count(": removed$")

    def wait(self, patience, condition):
        limit = time.monotonic() + patience
        while not condition() and time.monotonic() < limit:
            self.changed.wait(0.2)
            self.changed.clear()


def shown(text):
    """What a program says, without what a terminal would act on."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1]
                   for c in text)


def main():
    if sys.argv[1:] == ["--packages"]:
        print(*sorted({package for caller in read_callers(CASES)
                       for package in caller.packages}))
        return 0
    base, deb = map(pathlib.Path, sys.argv[1:3])
    callers = read_callers(CASES, sys.argv[3:])
    place = base.with_name("callers.world")
    place.mkdir(exist_ok=True)
    try:
        world = World(base, place)
    except Unable as reason:
        print(f"{sys.argv[0]}: {reason}", file=sys.stderr)
        return EX_TEMPFAIL
    world.prepare(deb, DATA)
    certificates = Certificates(tempfile.mkdtemp(dir=place))
    with Smarthost(tls="starttls", certificates=certificates,
                   auth=["LOGIN"]) as smarthost:
        world.configure(smarthost)
        player = Player(world, smarthost)
        daemon = player.start_daemon()
        for caller in callers:
            player.play(caller)
        smarthost.check()
        end(daemon)
    for name in player.failed:
        print("FAILED", name)
    print(f"{len(callers)} callers, {player.passed} cases passed, "
          f"{len(player.failed)} failed")
    return 1 if player.failed else 0


if __name__ == "__main__":
    sys.exit(main())
