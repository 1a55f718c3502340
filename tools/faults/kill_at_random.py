"""Kill jobs at random moments (or do worse to them), run them again, and see that the result is the same to the bit.

    python tools/faults/kill_at_random.py inpaint --times 20 --seed 0
    python tools/faults/kill_at_random.py all --fault all --times 10

Every part does a small job of a second or so, cut into several pieces. It is run without fault first; then the fault
comes at a random moment of it, the same command is given again, and so on. Nothing that stands under the name of a
result may ever be half written, and in the end all must be there, with the same bytes, and no scratch files beside it.

Only the time and place of a fault come from the seed; where in the work it falls depends on the machine. The faults
`full` and `readonly` need root (they mount a small disk, and give up rights). Exit code 1 if something did not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.child import die_with_parent
from faults.parts import PARTS, prepare
from faults.trials import FAULTS, NEEDS_ROOT, HarmError, Session

if TYPE_CHECKING:
    from collections.abc import Mapping


def main(argv: list[str] | None = None) -> int:
    """Run a session and print a line for each part and fault."""
    options = _options(argv)
    parts = [*PARTS] if options.part == "all" else [options.part]
    faults = [*FAULTS] if options.fault == "all" else [options.fault]
    broken = 0
    for name in parts:
        broken += _in_own_process(name, faults, options)
    return 1 if broken else 0


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=[*PARTS, "all"], help="what to put to the test")
    parser.add_argument("--fault", choices=[*FAULTS, "all"], default="kill", help="what happens to it (default: kill)")
    parser.add_argument("--times", type=int, default=20, help="how often (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    parser.add_argument("--keep", type=Path, help="a new folder for input, output and logs, which then stay")
    options = parser.parse_args(argv)
    if options.times < 1:
        parser.error(f"--times must be 1 or more, got {options.times}")
    if options.keep is not None and options.keep.exists():
        parser.error(f"--keep {options.keep} exists; name a new folder")
    return options


def _in_own_process(name: str, faults: list[str], options: argparse.Namespace) -> int:
    """The number of faults that did harm; each part begins in a process that no other part has touched."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        die_with_parent()
        try:
            os._exit(_try(name, faults, options))
        except BaseException:
            traceback.print_exc()
            os._exit(100)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _try(name: str, faults: list[str], options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="maskreel-faults-") as temporary:
        folder = (Path(temporary) if options.keep is None else options.keep.resolve()) / name
        prepare(PARTS[name], folder / "in")
        session = Session(PARTS[name], folder, random.Random(options.seed))
        try:
            session.straight()
        except HarmError as fault:
            _tell(name, "none", {"fault": str(fault)})
            return 1
        _tell(name, "none", {"seconds": round(session.seconds, 2), "kilobytes": session.room})
        return sum(_try_fault(session, name, fault, options) for fault in faults)


def _try_fault(session: Session, name: str, fault: str, options: argparse.Namespace) -> int:
    if not NEEDS_ROOT.get(fault, lambda: True)():
        _tell(name, fault, {"left out": "needs root"})
        return 0
    session.draw, began = random.Random(f"{options.seed} {fault}"), time.monotonic()
    session.counts.clear()
    harm = ""
    try:
        FAULTS[fault](session, options.times)
    except HarmError as error:
        harm = str(error)
    about = dict(session.counts) | {"seconds": round(time.monotonic() - began, 1)}
    _tell(name, fault, about | ({"HARM": harm} if harm else {}))
    return bool(harm)


def _tell(name: str, fault: str, about: Mapping[str, object]) -> None:
    print(json.dumps({"part": name, "fault": fault, **about}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
