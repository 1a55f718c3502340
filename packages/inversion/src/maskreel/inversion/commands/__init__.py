"""The verbs of `maskreel inversion`; what they need beyond flags is imported when they run."""

from __future__ import annotations

from maskreel.inversion.commands.doctor import doctor
from maskreel.inversion.commands.export import export
from maskreel.inversion.commands.report import report
from maskreel.inversion.commands.run import RUNS

__all__ = ["RUNS", "VERBS"]

VERBS = {"run": RUNS["default"], "doctor": doctor, "report": report, "export": export}
