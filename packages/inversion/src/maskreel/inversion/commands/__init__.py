"""The verbs of `maskreel inversion`; what they need beyond flags is imported when they run."""

from __future__ import annotations

from maskreel.inversion.commands.doctor import doctor
from maskreel.inversion.commands.export import export
from maskreel.inversion.commands.report import report
from maskreel.inversion.commands.run import run_with

__all__ = ["VERBS", "run_with"]

VERBS = {"run": run_with("default"), "doctor": doctor, "report": report, "export": export}
