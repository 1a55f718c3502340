"""The kinds of picture that stand in one table: inverted frames and their controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.inversion.report.controls import blurred, noise, silhouettes

if TYPE_CHECKING:
    import torch

    from maskreel.inversion.report.subject import Subject

__all__ = ["BLURRED", "INVERTED", "KINDS", "NOISE", "REAL", "SILHOUETTE", "SWAPPED", "pictures_of"]

INVERTED = "inverted"
REAL = "real frames"
SILHOUETTE = "silhouette"
BLURRED = "blurred silhouette"
NOISE = "noise"
SWAPPED = "masks swapped"
KINDS = {
    INVERTED: "the frames that were made",
    REAL: "the frames that the masks were drawn from: what could be reached",
    SILHOUETTE: "the masks painted flat on grey, in the colours of their classes where classes have one",
    BLURRED: "the same under a Gaussian of 2 % of the height",
    NOISE: "what inversions start from: what is found by chance",
    SWAPPED: "the inverted frames against the masks and classes of another sequence, or of frames half the video away",
}
"""Name -> what it is, in the order of the tables."""


def pictures_of(subject: Subject, *, seed: int = 0) -> dict[str, torch.Tensor]:
    """Kind -> uint8 (T, 3, H, W), for the same masks; real frames where there are any."""
    flat = silhouettes(subject)
    real = {} if subject.real is None else {REAL: subject.real}
    return {
        INVERTED: subject.frames,
        **real,
        SILHOUETTE: flat,
        BLURRED: blurred(flat),
        NOISE: noise(subject, seed=seed),
    }
