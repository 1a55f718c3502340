"""`maskreel inversion report`: what independent networks see in inverted frames, on one page."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from maskreel.common.cli import progress
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from maskreel.inversion.report import Evidence, Subject, Verifier
    from maskreel.inversion.teachers import Teacher

__all__ = ["report"]


def report(
    runs: tyro.conf.Positional[tuple[Path, ...]],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    verifier: tuple[str, ...] = (),
    real: Path | None = None,
    teacher: str = "auto",
    weights: Path | None = None,
    frames: int = 24,
    min_pixels: int = 60,
    seed: int = 0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> int:
    """Tell honestly what is to be seen in inverted frames.

    Networks that were not inverted look for objects by themselves, and what they find is compared with the masks; the
    same numbers stand beside it for noise, flat silhouettes, real frames and swapped masks. The page also tells how far
    the statistics are from those of real frames, how steady the video is, how near the frames come to real ones, and
    what they cost.

    Args:
        runs: Folders that `maskreel inversion run` wrote.
        output: The .html page; its tables are written beside it as .json.
        verifier: Networks to ask, one or several: unet:FILE, shapes, shapes:FILE, torchvision-v1, torchvision-v2,
            module:callable, or teacher (the teacher itself without boxes, which is called a self score).
        real: A folder of the real frames that the masks were drawn from, or one that holds a folder of them for each
            run, called as its sequence.
        teacher: The network that was inverted; auto: what the runs say; none: leave out what needs it.
        weights: The teacher's weights, where they are not those that come with it.
        frames: Frames of each run that networks look at, evenly spread.
        min_pixels: Objects with fewer visible pixels do not count.
        seed: Of the noise that stands beside the frames.
        device: Where networks look at the frames; auto is cuda where there is a device.
    """
    _check(runs, verifier, frames, output)
    from maskreel.common.device import chosen_device
    from maskreel.inversion.report import Subject, require_independent, write_report

    place = chosen_device(device)
    subjects = [Subject.open(folder, real=real) for folder in runs]
    network = _teacher(teacher, weights, subjects, place)
    verifiers = [_verifier(name, network, place) for name in verifier]
    try:
        for one in verifiers:
            if network is not None:
                require_independent(one, network)
    except ValueError as error:
        raise InputError(f"--verifier: {error} (--verifier teacher)") from error
    with progress(description="report", unit="runs", total=len(subjects)) as bar:
        evidence = write_report(
            subjects,
            output,
            verifiers=verifiers,
            teacher=network,
            frames=frames,
            min_pixels=min_pixels,
            seed=seed,
            progress=bar.update,
        )
    _tell(evidence)
    return 0


def _check(runs: tuple[Path, ...], verifier: tuple[str, ...], frames: int, output: Path) -> None:
    if not runs:
        raise InputError("give at least one folder of a run")
    if not verifier:
        raise InputError("--verifier must name at least one network: the teacher's own word proves nothing")
    if frames < 1:
        raise InputError(f"--frames must be 1 or more, got {frames}")
    if output.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--output must end in .html, got {output}")


def _teacher(name: str, weights: Path | None, subjects: list[Subject], device: str) -> Teacher | None:
    if name == "none":
        return None
    if name == "auto":
        names = {str(one.record["teacher"]) for one in subjects if one.record.get("teacher")}
        if len(names) > 1:
            raise InputError(f"the runs have different teachers, {', '.join(sorted(names))}: name one with --teacher")
        if not names:
            return None
        (name,) = names
    from maskreel.inversion.teachers import open_teacher

    return open_teacher(name, weights=weights, device=device)


def _verifier(name: str, teacher: Teacher | None, device: str) -> Verifier:
    from maskreel.inversion.report import open_verifier

    if name != "teacher":
        return open_verifier(name, device=device)
    from maskreel.common.maskrcnn import MaskRCNN
    from maskreel.inversion.report import MaskRCNNVerifier

    if teacher is None or not isinstance(teacher.network, MaskRCNN):
        raise InputError("--verifier teacher needs a teacher that finds objects by itself, a Mask R-CNN")
    return MaskRCNNVerifier(teacher.network, "the teacher itself, no boxes given", is_teacher=True)


def _tell(evidence: Evidence) -> None:
    from maskreel.inversion.report import as_json

    for name, rows in as_json(evidence).items():
        if name.startswith("scores by "):
            sys.stdout.write(f"{name}\n")
            for row in rows:
                sys.stdout.write("  " + "  ".join(_shown(key, value) for key, value in row.items()) + "\n")


def _shown(key: str, value: object) -> str:
    if key == "pictures":
        return f"{value:<20}"
    return f"{key} {'–' if value is None else f'{value:.3f}' if isinstance(value, float) else value}"
