"""One way to open masks, whatever they are stored in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common import video
from maskreel.common.errors import InputError
from maskreel.inversion.run_folder import RunFolder
from maskreel.inversion.sources._classes import ClassWords, read_classes
from maskreel.inversion.sources._coco import CocoSequence
from maskreel.inversion.sources._davis import DAVIS_FPS, Resolution, Year, davis_sequences
from maskreel.inversion.sources._files import array_file, mask_video, png_file, png_folder
from maskreel.inversion.sources._vfp import is_vfp_root, is_vfp_video, vfp_named, vfp_video
from maskreel.inversion.sources._views import Filmed

if TYPE_CHECKING:
    import os
    from fractions import Fraction

    from maskreel.common.masks import PngKind
    from maskreel.common.video import Clip
    from maskreel.inversion.sources._coco_file import CocoOrder
    from maskreel.inversion.sources._label_maps import LabelMapSequence
    from maskreel.inversion.sources._sequence import MaskSequence

ALLOWED = (
    "expected DAVIS, a folder of PNG masks, a PNG file, a mask video, a .json of COCO, an .npy array, "
    "or a video of the vfp data set"
)


def open_masks(
    path: str | os.PathLike[str],
    *,
    sequence: str | None = None,
    year: Year = "2017",
    split: str | None = None,
    resolution: Resolution = "480p",
    fps: Fraction | None = None,
    kind: PngKind = "auto",
    order: CocoOrder = "name",
    classes: ClassWords | None = None,
    real: str | os.PathLike[str] | None = None,
) -> MaskSequence:
    """Open the masks of one video; every frame is read once, so that bad ones are found now.

    What `path` is, is told by what is there: the root of DAVIS (name a `sequence`), one of its folders of annotations
    or any other folder of PNG masks, one PNG file, a video with a bright object on black, a .json file of COCO, an .npy
    array of label maps, a video of the vfp data set or its root (name a `sequence`), or a folder that `maskreel
    inversion run` has written.

    Args:
        path: File or folder.
        sequence: One of many, by its name; in a COCO file the folder of its images.
        year: Of DAVIS; "2016" takes everything annotated as one object.
        split: Of DAVIS; None: train and val.
        resolution: Of DAVIS.
        fps: Frames per second, where the files do not say; None: 24, as in DAVIS.
        kind: How PNG files are read, see `maskreel.common.masks.read_binary_png`.
        order: Of the images of COCO: by file name or by id.
        classes: Names of the objects, as `read_classes` takes them, in place of those that are known.
        real: The video that the masks were drawn on, file or folder, for reports.

    Raises:
        InputError: One sentence on what is missing, damaged or unknown.
    """
    path = Path(path)
    found = _guessed(path, sequence, year, split, resolution, fps, kind, order)
    _ = found.object_ids  # reads every mask
    if classes is not None:
        found = found.with_classes(read_classes(classes, sequence=found.name))
    return found if real is None else Filmed(found, Path(real))


def _guessed(
    path: Path,
    sequence: str | None,
    year: Year,
    split: str | None,
    resolution: Resolution,
    fps: Fraction | None,
    kind: PngKind,
    order: CocoOrder,
) -> MaskSequence:
    if not path.exists():
        raise InputError(f"{path} does not exist, {ALLOWED}")
    if path.is_file():
        return _file(path, sequence, fps, kind, order)
    if (path / "Annotations").is_dir():
        return _davis(path, sequence, year, split, resolution, fps)
    if is_vfp_root(path):
        return vfp_named(path, sequence, fps=fps)
    if sequence is not None:
        raise InputError(f"{path} holds no sequences to choose {sequence!r} from, expected DAVIS, COCO or vfp data")
    if RunFolder.is_one(path):
        return _of_run(RunFolder(path))
    if is_vfp_video(path):
        return vfp_video(path, fps=fps)
    if not any(path.glob("*.[pP][nN][gG]")):
        raise InputError(f"{path} holds no masks, {ALLOWED}")
    return _annotations(path, fps, kind)


def _file(path: Path, sequence: str | None, fps: Fraction | None, kind: PngKind, order: CocoOrder) -> MaskSequence:
    match path.suffix.lower():
        case ".json":
            return CocoSequence(path, fps=fps or DAVIS_FPS, order=order, sequence=sequence)
        case ".png":
            return png_file(path, fps=fps or DAVIS_FPS, kind=kind)
        case ".npy":
            return array_file(path, fps=fps or DAVIS_FPS)
    try:
        found = mask_video(path)
    except InputError as error:
        raise InputError(f"{error} ({ALLOWED})") from error
    return found if fps is None else replace(found, fps=fps)


def _davis(
    root: Path, sequence: str | None, year: Year, split: str | None, resolution: Resolution, fps: Fraction | None
) -> MaskSequence:
    if sequence is None:
        names = ", ".join(one.name for one in davis_sequences(root, year=year, split=split, resolution=resolution))
        raise InputError(f"{root} holds many sequences, expected the name of one: {names}")
    (found,) = davis_sequences(root, year=year, split=split, resolution=resolution, names=[sequence])
    return found if fps is None else replace(found, fps=fps)


def _annotations(folder: Path, fps: Fraction | None, kind: PngKind) -> MaskSequence:
    """A folder of PNG files; one inside DAVIS has its frames beside it."""
    found = png_folder(folder, fps=fps or DAVIS_FPS, kind=kind)
    if folder.parent.parent.name != "Annotations":
        return found
    frames = folder.parent.parent.parent / "JPEGImages" / folder.parent.name / folder.name
    if not frames.is_dir():
        return found

    def real(start: int, stop: int) -> Clip:
        return video.read(frames, start=start, stop=stop, fps=found.fps)

    return replace(found, real=real)


def _of_run(run: RunFolder) -> LabelMapSequence:
    found = png_folder(run.folder / "masks", fps=run.fps, kind="labels")
    return replace(found, name=run.name, class_of=run.class_names.get)
