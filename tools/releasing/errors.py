"""The one kind of error by which a release is refused."""

from __future__ import annotations


class ReleaseError(ValueError):
    """Why there is no release: one sentence for whoever asked for it."""
