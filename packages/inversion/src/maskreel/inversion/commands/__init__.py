"""The verbs of `maskreel inversion`; what they need beyond flags is imported when they run."""

from __future__ import annotations

__all__ = ["VERBS"]

VERBS = {}
