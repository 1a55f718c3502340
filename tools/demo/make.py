"""Make the demo: `python tools/demo/make.py --out demo`. The work is done by the other files of this folder."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # The tests import this folder as the package `demo`; so does its own script.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from demo.command import main

    sys.exit(main())
