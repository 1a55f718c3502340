"""The faults: what is done to a job, and what must hold afterwards."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from faults.child import Child, Ended, start
from faults.place import can_mount, disk, grow, obey_permissions, scatter_times, set_writable, size_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from faults.parts import Part

__all__ = ["FAULTS", "NEEDS_ROOT", "HarmError", "Session"]


class HarmError(AssertionError):
    """Something that must hold does not."""


@dataclass
class Session:
    """A part under trial: its input is made, and its result without any fault known."""

    part: Part
    folder: Path
    draw: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    """What happened, and how often."""
    expected: dict[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0
    """Of a run without fault."""
    room: int = 0
    """Kilobytes that it writes."""

    @property
    def output(self) -> Path:
        return self.folder / "out"

    def run(self, *, first: Callable[[], object] = lambda: None, log: str = "log.txt") -> Child:
        """Start the command."""
        return start(self.part.words(self.folder / "in", self.output), self.folder / log, first=first)

    def fresh(self) -> None:
        """An empty folder for the output."""
        shutil.rmtree(self.output, ignore_errors=True)
        self.output.mkdir()

    def straight(self) -> None:
        """The run that nothing befalls, twice: the first time is slower, and the bytes must not differ."""
        for _ in range(2):
            self.fresh()
            began, child = time.monotonic(), self.run()
            self.complete(child.wait())
            self.seconds, self.room = time.monotonic() - began, size_of(self.output)
            child.load_what_it_loaded()
            found = self.part.found(self.output)
            self.require(bool(found), "a run without fault leaves no result")
            self.require(self.expected in ({}, found), "two runs without fault differ")
            self.expected = found

    def complete(self, ended: Ended) -> None:
        """The command has ended well."""
        self.require(ended.code == 0, f"ended with {ended.code}: {ended.told[-2000:]}")

    def finished(self) -> None:
        """All results are there, equal, and nothing is left of the work that was not finished."""
        found = self.part.found(self.output)
        missing, strange = self.expected.keys() - found.keys(), found.keys() - self.expected.keys()
        self.require(not missing and not strange, f"missing: {sorted(missing)}; not expected: {sorted(strange)}")
        self.whole()
        left = [
            str(p.relative_to(self.output))
            for p in self.output.rglob(".*")
            if p.name.count(".part") or "lock" in p.name
        ]
        self.require(not left, f"scratch files are left: {left}")
        self.counts["same result"] += 1

    def whole(self) -> None:
        """What stands under the name of a result is a whole one."""
        for name, content in self.part.found(self.output).items():
            self.require(self.expected.get(name) == content, f"{name} is not what a run without fault gives")

    def require(self, holds: bool, otherwise: str) -> None:
        if not holds:
            raise HarmError(otherwise)

    def moment(self) -> float:
        """Seconds until something is to happen."""
        return self.draw.uniform(0, self.seconds)


def stop_by(session: Session, number: signal.Signals, times: int, after: Callable[[Session, Ended], object]) -> None:
    """Send a signal at random moments, `times` times in all, and go on each time; begin anew after each success."""
    session.fresh()
    while times:
        child = session.run()
        if child.ended_within(session.moment()):
            session.complete(child.wait())
            session.finished()
            session.fresh()
            continue
        child.send(number)
        ended, times = child.wait(), times - 1
        if ended.code == 0:  # the signal came in the last moment
            session.finished()
            session.fresh()
            continue
        session.counts["stopped"] += 1
        after(session, ended)
        session.whole()
    session.complete(session.run().wait())
    session.finished()


def kill(session: Session, times: int) -> None:
    """kill -9."""

    def killed(session: Session, ended: Ended) -> None:
        session.require(ended.code == -signal.SIGKILL, f"ended with {ended.code}: {ended.told[-2000:]}")

    stop_by(session, signal.SIGKILL, times, killed)


def term(session: Session, times: int) -> None:
    """SIGTERM, as `kill` and batch systems send it."""
    stop_by(session, signal.SIGTERM, times, lambda session, ended: _in_order(session, ended, {143, 75}))


def interrupt(session: Session, times: int) -> None:
    """Ctrl-C."""
    stop_by(session, signal.SIGINT, times, lambda session, ended: _in_order(session, ended, {130}))


def _in_order(session: Session, ended: Ended, codes: set[int]) -> None:
    session.require(ended.code in codes | {-signal.SIGTERM}, f"ended with {ended.code}: {ended.told[-2000:]}")
    session.require("Traceback" not in ended.told, ended.told[-2000:])
    scratch = [path.name for path in session.output.rglob(".*.part.*") if not path.name.endswith((".npy", ".json"))]
    session.counts["of these with scratch files left until the next run"] += bool(scratch)


def full(session: Session, times: int) -> None:
    """A disk with too little room, which gets more."""
    for _ in range(times):
        session.fresh()
        with disk(session.output, max(8, int(session.room * session.draw.uniform(0, 1)))):
            ended = session.run().wait()
            if ended.code != 0:
                session.require(ended.refused, f"ended with {ended.code}: {ended.told[-2000:]}")
                session.require("no space left" in ended.told.lower(), ended.told)
                session.counts["refused"] += 1
                session.whole()
                grow(session.output, 4 * session.room + 4096)
                session.complete(session.run().wait())
            session.finished()


def readonly(session: Session, times: int) -> None:
    """No right to write to the output, at first from the start, then from a random moment on; and it comes back."""
    for turn in range(times):
        session.fresh()
        set_writable(session.output, turn > 0)
        child = session.run(first=obey_permissions)
        if turn > 0 and not child.ended_within(session.moment()):
            set_writable(session.output, False)
        ended = child.wait()
        if ended.code != 0:
            session.require(ended.refused, f"ended with {ended.code}: {ended.told[-2000:]}")
            session.require("permission denied" in ended.told.lower(), ended.told)
            session.counts["refused"] += 1
            session.whole()
            set_writable(session.output, True)
            session.complete(session.run(first=obey_permissions).wait())
        set_writable(session.output, True)
        session.finished()


def clock(session: Session, times: int) -> None:
    """A clock that jumps days back and forth at each look, kill -9, and files of the past and the future."""

    def jumping() -> None:
        draw, now = random.Random(session.draw.random()), time.time
        time.time = lambda: now() + draw.uniform(-30, 30) * 86400
        time.time_ns = lambda: int(time.time() * 1e9)

    for _ in range(times):
        session.fresh()
        child = session.run(first=jumping)
        if child.ended_within(session.moment()):
            session.complete(child.wait())
        else:
            child.send(signal.SIGKILL)
            session.counts["stopped"] += 1
            child.wait()
            scatter_times(session.output, session.draw)
            session.complete(session.run(first=jumping).wait())
        session.finished()


def twice(session: Session, times: int) -> None:
    """The same command twice, the second at a random moment of the first."""
    for _ in range(times):
        session.fresh()
        one = session.run()
        one.ended_within(session.moment())
        other = session.run(log="other.txt")
        ends = [one.wait(), other.wait()]
        for ended in ends:
            session.require(ended.code == 0 or ended.refused, f"ended with {ended.code}: {ended.told[-2000:]}")
            session.counts["refused"] += ended.code != 0
        session.require(ends[0].code == 0 or ends[1].code == 0, "each kept the other out")
        session.whole()
        session.finished()


FAULTS: dict[str, Callable[[Session, int], None]] = {
    "kill": kill,
    "term": term,
    "interrupt": interrupt,
    "full": full,
    "readonly": readonly,
    "clock": clock,
    "twice": twice,
}
NEEDS_ROOT = {"full": can_mount, "readonly": lambda: os.geteuid() == 0}
"""Faults that not every user can bring about."""
