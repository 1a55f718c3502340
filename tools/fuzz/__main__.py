"""Damages files and lets every reader try them, for a stated time; see the package."""

from __future__ import annotations

import argparse
import contextlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fuzz.readers import READERS
from fuzz.worker import GIGABYTES, made, seeds

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS_PER_CASE = 20.0
_TOLD_EVERY = 15.0


@dataclass
class Tally:
    """What came of all cases."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, int, str]] = field(default_factory=list)
    slowest: tuple[float, str, int] = (0.0, "", 0)
    told: float = 0.0

    def count(self, outcome: str, name: str, case: int, seconds: float) -> None:
        self.outcomes[outcome] += 1
        self.slowest = max(self.slowest, (seconds, name, case))

    def tell(self, end: float) -> None:
        """Progress, now and then."""
        now = time.monotonic()
        if now - self.told > _TOLD_EVERY:
            self.told = now
            print(f"{end - now:5.0f} s left, {self}", flush=True)

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        return f"{self.outcomes.total()} cases: {counts}"


def fuzz(names: list[str], *, seconds: float, seed: int, folder: Path, most_failures: int = 20) -> Tally:
    """Try damaged files for `seconds`; a worker that dies or hangs is replaced, and its case counts as a failure."""
    tally, case, end = Tally(), seed, None
    while (end is None or time.monotonic() < end) and len(tally.failures) < most_failures:
        with _worker(names, case, folder) as worker:
            while end is None or time.monotonic() < end:
                outcome, name, number, *took = worker.told() or worker.silence(case)
                case = int(number) + 1
                if outcome == "try":
                    end = end or time.monotonic() + seconds  # setting the readers up does not count
                    worker.try_(name, int(number))
                    continue
                if outcome == "waiting":
                    case -= 1
                    continue
                if not took and worker.trying is None:
                    raise RuntimeError(f"the readers could not be set up: the worker {outcome}")
                tally.count(outcome if took else "failed", name, int(number), float(took[0]) if took else 0.0)
                if outcome not in ("read", "refused"):
                    fault = "raised something else than InputError" if took else outcome
                    tally.failures.append((name, int(number), fault))
                    if not took or len(tally.failures) == most_failures:
                        break
                tally.tell(end or 0.0)
    return tally


class _Worker:
    """A process that tries cases, and what it tells."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.trying: tuple[str, int] | None = None
        self._lines: queue.Queue[str] = queue.Queue()
        self._spent = 0.0
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def told(self) -> list[str] | None:
        """The words of the next line; None if none comes within a second."""
        try:
            return self._lines.get(timeout=1).split() or None
        except queue.Empty:
            return None

    def try_(self, name: str, number: int) -> None:
        self.trying, self._spent = (name, number), self._seconds()

    def silence(self, case: int) -> list[str]:
        """Why nothing is told, as a line would say it."""
        name, number = self.trying or ("", case)
        code = self.process.poll()
        if code is not None:
            return [f"ended the process ({code})", name, str(number)]
        hung = self.trying is not None and self._seconds() - self._spent > SECONDS_PER_CASE
        return [f"took more than {SECONDS_PER_CASE:.0f} s" if hung else "waiting", name, str(number)]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._listener.join()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def _seconds(self) -> float:
        """Of the processor, so that what else the machine does does not count."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            return self._spent
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _worker(names: list[str], case: int, folder: Path) -> Iterator[_Worker]:
    command = [sys.executable, "-m", "fuzz.worker", str(case), str(folder), *names]
    places = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": places, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    worker = _Worker(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment))
    try:
        yield worker
    finally:
        worker.close()


def _case(folder: Path, name: str, case: int, names: list[str]) -> bytes:
    """What was tried; made once more if the worker died before it kept it."""
    kept = folder / f"{name}-{case}{READERS[name].suffix}"
    return (
        kept.read_bytes() if kept.exists() else made(name, case, {one: seeds(one, folder / "seeds") for one in names})
    )


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s fuzz --", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300, help="how long (default 300)")
    parser.add_argument("--seed", type=int, default=None, help="number of the first case; default: from the clock")
    parser.add_argument("--only", nargs="+", choices=sorted(READERS), default=list(READERS), help="these readers")
    parser.add_argument("--file", type=Path, help="read this file with the one reader of --only, and show what happens")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="where failing files go")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """0: nothing found; 1: failures, which are told with the command that shows each."""
    options = _parse(argv)
    if options.file is not None:
        print(READERS[options.only[0]].read(options.file))
        return 0
    seed = int(time.time()) if options.seed is None else options.seed
    print(
        f"{len(options.only)} readers for {options.seconds:.0f} s, seed {seed}, "
        f"{GIGABYTES:.0f} GB and {SECONDS_PER_CASE:.0f} s of the processor for a case",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as scratch:
        tally = fuzz(options.only, seconds=options.seconds, seed=seed, folder=Path(scratch))
        print(f"{tally}; the slowest took {tally.slowest[0]:.1f} s ({tally.slowest[1]} {tally.slowest[2]})")
        for name, case, fault in tally.failures:
            kept = options.keep / f"{name}-{case}{READERS[name].suffix}"
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(_case(Path(scratch), name, case, options.only))
            told = Path(scratch) / f"{kept.name}.txt"
            last = told.read_text().strip().splitlines()[-1] if told.exists() else fault
            print(f"{name} {case}: {last[:200]}\n  python -m nox -s fuzz -- --only {name} --file {kept}")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
