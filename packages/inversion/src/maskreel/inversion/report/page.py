"""`write_report`: one page with the pictures beside the numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common.atomic import write_json
from maskreel.common.show import Page
from maskreel.inversion.report import tables
from maskreel.inversion.report.examine import examine
from maskreel.inversion.report.pictures import KINDS
from maskreel.inversion.report.score import MIN_PIXELS
from maskreel.inversion.report.strips import VERDICTS
from maskreel.inversion.report.subject import Subject

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from maskreel.inversion.report.evidence import Evidence
    from maskreel.inversion.report.temporal import DeclaredFlow
    from maskreel.inversion.report.verifier import Verifier
    from maskreel.inversion.teachers import Teacher

__all__ = ["write_page", "write_report"]

_SCORES = """\
J is the IoU of an object's mask with the best of what the verifier found of its class, 0 where it found none; F the
accuracy of the contour (DAVIS); found: J of at least that much; right class: what overlaps the object most bears its
name. J of any class shows whether something is seen there at all. Brackets are 95 % intervals from drawing the
sequences again. Normalised J is 0 for noise and 1 for real frames, and may be compared between verifiers. J decay is J
of the first quarter of the frames less that of the last. AP50 is the mean over the sequences.

A silhouette that scores high means that the verifier answers to outlines and colours alone; a score with swapped masks
near that of the right ones means that it does not answer to the masks at all."""
_SELF = """\
The teacher was given boxes and classes, and the frames were optimised until it agreed: this is necessary and proves
nothing. The transfer gap is its J less that of a verifier, over the same objects."""
_TEACHER_TOO = "This verifier is the teacher itself, with its whole pipeline: its word is a self score."
_STATISTICS = """\
Distance of the mean and variance of each batch norm layer's input from those of the training images, averaged over the
layers. Every kind of picture goes through in batches of one size, because few frames are farther away than many."""
_STEADY = """\
E_warp is the mean squared difference of a pixel and where it goes in the next frame, for grey levels from 0 to 1;
background flicker the mean change where no mask is, for grey levels from 0 to 255; colour drift the slope of its mean
colour in a hundred frames. A video that stands still has 0, so J stands beside them. Noise shows what frames cost that
have nothing to do with each other."""
_NEAREST = """\
Were real frames recalled from the teacher's training, inverted frames would lie nearer to them than masks and
backgrounds explain: the silhouette knows the masks only, and real frames against other videos show how alike strangers
are. Without the teacher's own training images this cannot prove that nothing was memorised."""


def write_report(
    subjects: Sequence[Subject | str | os.PathLike[str]],
    path: str | os.PathLike[str],
    *,
    verifiers: Sequence[Verifier],
    teacher: Teacher | None = None,
    frames: int = 24,
    min_pixels: int = MIN_PIXELS,
    flows: Mapping[str, DeclaredFlow] | None = None,
    seed: int = 0,
    progress: Callable[[int], object] | None = None,
) -> Evidence:
    """Measure runs, and write the page and, beside it, its tables as .json.

    Args:
        subjects: Sequences, or folders of runs; two of one name are told apart by numbers.
        path: The .html file.
        verifiers: See `examine`, as for all that follows.
        teacher: The network that was inverted.
        frames: Frames of each sequence that networks look at.
        min_pixels: Visible pixels of an object that counts.
        flows: Sequence -> flow to measure steadiness along.
        seed: Of the noise.
        progress: Called with 1 after each sequence.
    """
    opened = [one if isinstance(one, Subject) else Subject.open(one) for one in subjects]
    evidence = examine(
        _told_apart(opened),
        verifiers=verifiers,
        teacher=teacher,
        frames=frames,
        min_pixels=min_pixels,
        flows=flows,
        seed=seed,
        progress=progress,
    )
    write_page(evidence, path)
    write_json(Path(path).with_suffix(".json"), tables.as_json(evidence))
    return evidence


def write_page(evidence: Evidence, path: str | os.PathLike[str]) -> None:
    """The page alone."""
    page = Page("What is to be seen in inverted frames")
    page.text(_summary(evidence))
    for note in evidence.notes:
        page.text(note)
    _add_opinions(page, evidence)
    if evidence.self_scores:
        page.heading("The teacher's own view")
        _add_table(page, tables.self_table(evidence))
        page.text(_SELF)
    if evidence.statistics:
        page.heading("Statistics inside the teacher")
        _add_table(page, tables.statistics_table(evidence))
        page.text(_STATISTICS)
    if evidence.steadiness:
        page.heading("Steadiness")
        _add_table(page, tables.steadiness_table(evidence))
        page.text(f"Flow: {evidence.flow_source}.")
        page.text(_STEADY)
    _add_likeness(page, evidence)
    page.heading("Cost")
    _add_table(page, tables.cost_table(evidence))
    page.save(path)


def _add_opinions(page: Page, evidence: Evidence) -> None:
    for opinion in evidence.opinions:
        page.heading(f"Seen by {opinion.name}")
        if opinion.is_teacher:
            page.text(_TEACHER_TOO)
        _add_table(page, tables.score_table(opinion, evidence))
        page.text(_SCORES)
        for name, picture in opinion.strips.items():
            page.image(picture, f"{name}, as seen by {opinion.name}; {VERDICTS}")
        page.heading("Sequences", level=3)
        _add_table(page, tables.sequence_table(opinion, evidence))
    page.heading("Kinds of picture", level=3)
    page.table([[name, text] for name, text in KINDS.items()])


def _add_likeness(page: Page, evidence: Evidence) -> None:
    if evidence.nearest:
        page.heading("Nearest real frames")
        _add_table(page, tables.nearest_table(evidence))
        page.text(_NEAREST)
    if evidence.distribution:
        page.heading("Distance of the distributions")
        _add_table(page, tables.distribution_table(evidence))
        page.text("Kernel distance of the teacher's last backbone features, averaged over the picture; 0 is the same.")


def _told_apart(subjects: Sequence[Subject]) -> list[Subject]:
    """Sequences of one name are numbered."""
    names = [one.name for one in subjects]
    told = [f"{name} {names[:i].count(name) + 1}" if names.count(name) > 1 else name for i, name in enumerate(names)]
    return [replace(one, name=name) for one, name in zip(subjects, told, strict=True)]


def _summary(evidence: Evidence) -> str:
    looked, total = sum(evidence.frames), sum(evidence.total_frames)
    sequences = f"{len(evidence.sequences)} sequence{'s' if len(evidence.sequences) > 1 else ''}"
    return (
        f"{sequences} of {total} frames in all, {looked} of which networks looked at. Objects of fewer than "
        f"{evidence.min_pixels} visible pixels are not asked for. Verifiers find objects by themselves: no boxes, "
        "masks or classes are given to them."
    )


def _add_table(page: Page, table: tables.Table) -> None:
    header, rows = table
    page.table(rows, header=header)
