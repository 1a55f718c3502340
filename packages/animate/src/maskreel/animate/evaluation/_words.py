"""The tables that are printed and what their columns mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maskreel.animate.evaluation._table import table_of
from maskreel.common.cli import plain_table

if TYPE_CHECKING:
    from maskreel.animate.evaluation._goals import Goal
    from maskreel.animate.evaluation._table import Means

__all__ = ["COLUMNS", "MEANING", "goal_words", "words_of"]

COLUMNS = (
    ("l1", "l1_foreground", "l1_background", "l1_boundary"),
    ("psnr", "psnr_foreground", "psnr_background", "ssim", "ssim_foreground", "ssim_boundary", "ms_ssim"),
    ("iou", "iou_driver", "iou_difference", "iou_difference_driver", "f"),
    ("pose_centroid", "pose_covariance", "identity", "flicker", "drift"),
    ("akd", "mkr", "aed", "fid"),
    ("leak", "bleed", "leak_own", "bleed_own", "ghost", "background_l1", "seam"),
)
"""Columns that stand beside each other on a terminal."""

MEANING = """\
exact result: the truth, scored like a method. copy: the source as it is. paste: the driving frame's subject, cut out by
m and pasted over the source or the third picture; in reconstruction it is a piece of the truth itself. raw: masks of
the driving frames straight to L and H. refined: masks through P_test and r, as in every animation. composite: blended
by the mask over the background with its own subject filled, without the networks of the swap. no swap: the refined
animation. network: BGBase and BGRefine. lock: the same with --lock-background, outside the subject bit for bit the
filled third picture.

Means over videos (95 % interval by drawing videos again). l1 is the mean absolute difference from the exact result for
values from 0 to 1. Regions are those of the exact subject; the boundary reaches 4 pixels to each side of its outline.
ms_ssim: SSIM at five sizes (Wang 2003); pictures below 176 pixels have their pixels doubled first.

iou: the subject that m finds in the result against where it should be; f: the same by contours; iou_difference: the
subject found without a network, by difference from the empty scene. _driver: against the driving subject, who is of
another build if it is another person: then the exact result does not reach 1 either. pose: distance of the first two
moments of m's mask from those of the driving mask, in picture heights; identity: chi-squared distance of the colours of
the subject from the source's, 0 to 1. flicker and drift: change of the background from frame to frame and since the
first frame, beyond that of the exact result if it is known.

akd: distance of key points from those of the exact result, in pixels along x and y; mkr: share of its points that the
result lacks; aed: squared distance of embeddings; fid: of all videos together; each by a network that was given.

leak: share of the old background that is left; bleed: share of the new one on the subject; 4 pixels to each side of the
outline are left out. _own: by the mask that the method was given in place of the exact one. ghost: l1 where the third
picture's own subject was. seam: steepness along the outline beyond that of a soft composite."""


def words_of(means: Means, *, intervals: bool = True) -> str:
    """All tables of an evaluation, for a terminal."""
    parts = []
    for task, methods in means.items():
        parts.append(f"== {task} ==\n")
        for columns in COLUMNS:
            header, rows = table_of(methods, columns, intervals=intervals)
            if len(header) > 1:
                parts.append(plain_table(header, rows))
    return "\n".join(parts)


def goal_words(found: list[Goal]) -> str:
    """One line for each goal."""
    rows = [("yes" if goal.reached else "NO", goal.name, f"{goal.value:.4g}", goal.limit) for goal in found]
    return plain_table(("reached", "goal", "measured", "limit"), rows)
