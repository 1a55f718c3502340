"""`maskreel vfp predict`: the frames that follow those that are known, as files."""

from __future__ import annotations

import logging
import sys
from contextlib import ExitStack
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from maskreel.common.atomic import write_json
from maskreel.common.cli import progress
from maskreel.common.errors import InputError
from maskreel.vfp.commands._held import held
from maskreel.vfp.frames import PredictorConfig
from maskreel.vfp.frames._config import Export  # noqa: TC001 (tyro reads annotations at run time)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from maskreel.vfp.data import Clips
    from maskreel.vfp.frames import FramePredictor, PredictedClip
    from maskreel.vfp.frames._truth import RunningQuality

logger = logging.getLogger(__name__)


def predict(
    source: tyro.conf.Positional[Path],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    outputs: tuple[Export, ...] = ("npy",),
    weights: Path | None = None,
    network: PredictorConfig = PredictorConfig(),  # noqa: B008 (frozen)
    dtype: Literal["uint8", "float32"] = "uint8",
    scale: bool = True,
    stride: int | None = None,
    every: int | None = None,
    quarantine: Path | None = None,
    batch: int = 8,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> int:
    """Predict frames 12 to 22 of clips of which frames 1 to 11 are known.

    Where the true frames lie beside the known ones, as in the split val, PSNR and SSIM are printed, next to those of
    the last known frame, copied.

    Args:
        source: A split of the vfp data set such as DIR/val, one video of it, a video file, a folder of images, a folder
            of several of these, or an .npy array of frames or of clips.
        output: A folder. Gets predictions.npy, (N, 11, 3, H, W), and predictions.json with the names of the clips in
            that order; NAME/image_11.png to image_21.png; NAME.gif and NAME.mp4 with the known frames first;
            NAME_strip.png, with an error map where the truth is known.
        outputs: Which of these.
        weights: Of the predictor: predictor.safetensors of a training, or a checkpoint of OpenSTL or of the original
            SimVP (.pth, .ckpt), which the flags of the network must fit; by default those of the package.
        network: What a published checkpoint is; other weights say it themselves.
        dtype: Of predictions.npy: uint8, or float32 in 0 to 1.
        scale: Scale frames of other sizes to 160x240, the size of the data set; else predict at their own size.
        stride: In a video or a row of images: frames from one known frame to the next.
        every: In a video or a row of images: predict again after so many known frames, not only at the end.
        quarantine: Videos of a split to leave out, as written by check-data.
        batch: Clips at a time.
        device: Where to compute; auto is cuda where there is a device.
    """
    from maskreel.vfp.data import open_clips

    for name, value in (("--batch", batch), ("--stride", stride), ("--every", every)):
        if value is not None and value < 1:
            raise InputError(f"{name} must be 1 or more, got {value}")
    if not outputs:
        raise InputError("--outputs must name one or more of npy, png, gif, mp4 and strip")
    clips = open_clips(source, stride=stride, every=every, quarantine=quarantine)
    predictor = _predictor(weights, network, device)
    made = _predicted(source, clips, predictor, batch=batch, scale=scale)
    with held(output):
        quality = _export(made, len(clips.names), output, outputs, dtype)
        record = {"input": str(source), "weights": str(weights or "shipped"), "first_frame": predictor.first + 1}
        write_json(output / "predictions.json", {**record, "clips": list(clips.names)})
    sys.stdout.write("".join(f"{line}\n" for line in quality.lines()))
    logger.info("%s: %d clips", output, len(clips.names))
    return 0


def _predicted(
    source: Path, clips: Clips, predictor: FramePredictor, *, batch: int, scale: bool
) -> Iterator[PredictedClip]:
    """Every clip, with the true frames where they lie beside the known ones."""
    from maskreel.vfp.frames import PredictedClip, predicted_clips
    from maskreel.vfp.frames._truth import TrueFutures

    truth = TrueFutures(source, predictor.first)
    for clip, observed, future in predicted_clips(predictor, clips.iterate(), batch_size=batch, scale=scale):
        yield PredictedClip(clip.name, observed, future, clip.fps, truth.find(clip.name, future))


def _export(
    made: Iterator[PredictedClip],
    count: int,
    output: Path,
    outputs: tuple[Export, ...],
    dtype: Literal["uint8", "float32"],
) -> RunningQuality:
    """Write the files of all clips as they come, and say how good they are."""
    from maskreel.vfp.frames import array_file, export_clip
    from maskreel.vfp.frames._truth import RunningQuality

    quality = RunningQuality()
    with ExitStack() as stack:
        bar = stack.enter_context(progress(description="predict", total=count, unit="clips"))
        takers: list[Callable[[PredictedClip], object]] = [quality.update]
        takers.append(lambda one: export_clip(one, output, outputs))
        if "npy" in outputs:
            takers.append(stack.enter_context(array_file(output / "predictions.npy", count, dtype)))
        for one in made:
            for take in takers:
                take(one)
            bar.update()
    return quality


def _predictor(
    weights: Path | None, network: PredictorConfig, device: Literal["auto", "cpu", "cuda"]
) -> FramePredictor:
    from maskreel.common.device import chosen_device
    from maskreel.vfp.frames import load_predictor, start_from

    chosen = chosen_device(device)
    predictor = load_predictor() if weights is None else start_from(weights, network)
    return predictor.requires_grad_(False).eval().to(chosen)
