"""What a result can be: a film, a GIF, a folder of pictures, one picture; each also with transparency, but the GIF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from maskreel.animate.alpha_video import AlphaWriter, check_alpha_target
from maskreel.common.atomic import atomic_path
from maskreel.common.errors import InputError
from maskreel.common.video import Clip, VideoWriter, check_target, iterate, join_segments, probe, write_frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from maskreel.animate.running.inputs import Driving
    from maskreel.common.video import VideoInfo

__all__ = ["Output", "check_apart", "choose_output", "packed", "unpacked"]

_PICTURES = (".png", ".webp", ".jpg", ".jpeg")
_PICTURES_WITH_ALPHA = (".png", ".webp")
_EXACT_PICTURE = ".png"
_CHUNK = 16


@dataclass(frozen=True)
class Output:
    """Where the result goes and what it is."""

    path: Path
    form: Literal["film", "gif", "frames", "picture"]
    transparent: bool
    codec: Literal["h264", "ffv1"]
    """Of the segments that it is made of."""
    driving: VideoInfo
    """Of the frames that it is timed by."""
    sound: Path | None
    """The file whose sound and subtitles it gets."""

    @property
    def exact(self) -> bool:
        """Whether it holds every pixel as it was made."""
        if self.form == "picture":
            return self.path.suffix.lower() == _EXACT_PICTURE
        return self.form == "frames" or (self.form == "film" and self.codec == "ffv1" and not self.transparent)

    def finish(self, segments: Sequence[Path]) -> None:
        """Make it from finished segments; it appears when it is whole."""
        if self.form == "picture":
            self._write_picture(segments)
        elif self.transparent:
            self._write_with_alpha(segments)
        elif self.form == "film":
            join_segments(self.path, segments, copy_streams_from=self.sound)
        elif self.form == "gif":
            with VideoWriter(self.path, fps=self.driving.fps, size=probe(segments[0]).size) as writer:
                for clip in self._clips(segments):
                    writer.write(clip)
        else:
            write_frames(self.path, self._clips(segments))

    def _write_with_alpha(self, segments: Sequence[Path]) -> None:
        height, width = probe(segments[0]).size
        with AlphaWriter(
            self.path, fps=self.driving.fps, size=(height // 2, width), copy_streams_from=self.sound
        ) as writer:
            for clip in self._clips(segments):
                writer.write(unpacked(clip.frames), clip.timestamps)

    def _clips(self, segments: Sequence[Path]) -> Iterator[Clip]:
        """Timed as the whole is: a segment of it may look as if it had another rate, or a constant one."""
        for segment in segments:
            for clip in iterate(segment, chunk=_CHUNK):
                times = clip.times if self.driving.variable_frame_rate else None
                yield Clip(clip.frames, self.driving.fps, clip.start, times)

    def _write_picture(self, segments: Sequence[Path]) -> None:
        from PIL import Image

        pixels = next(self._clips(segments)).frames
        picture = (unpacked(pixels) if self.transparent else pixels)[0].permute(1, 2, 0).contiguous().numpy()
        with atomic_path(self.path) as scratch:
            Image.fromarray(picture).save(scratch, quality=95)  # of .jpg and .webp; .png has no such thing


def choose_output(
    path: Path | None, source: Path, driving: Driving, *, transparent: bool, lossless: bool = False
) -> Output:
    """What `path`, by default a name beside the source, asks for.

    Raises:
        InputError: the suffix is unknown or does not fit, or a folder that is not empty has that name.
    """
    path = _default(source, driving, transparent=transparent, lossless=lossless) if path is None else path
    suffix, info = path.suffix.lower(), driving.info
    if driving.picture is not None:
        return _picture(path, info, transparent=transparent, lossless=lossless)
    if suffix in _PICTURES:
        raise InputError(f"{path} holds one picture, but {info.path} is a video; use .mp4, .gif or a folder")
    if lossless:
        _check_lossless(path, transparent=transparent)
    if transparent:
        check_alpha_target(path, copy_streams_from=driving.sound)
        return Output(path, "film" if suffix else "frames", transparent, "ffv1", info, driving.sound)
    if suffix == "":
        if path.exists() and not (path.is_dir() and not any(path.iterdir())):
            raise InputError(f"{path} exists already; name a new or empty folder for the images")
        return Output(path, "frames", transparent, "ffv1", info, None)
    if suffix == ".gif":
        return Output(path, "gif", transparent, "ffv1", info, None)
    codec = "ffv1" if lossless else "h264"
    check_target(path, codec=codec, copy_streams_from=driving.sound)
    return Output(path, "film", transparent, codec, info, driving.sound)


def check_apart(output: Path, *inputs: Path) -> None:
    """Raise InputError if the output would replace an input."""
    if any(output.resolve() == path.resolve() for path in inputs):
        raise InputError(f"{output}: the output would replace an input; choose another name")


def _check_lossless(path: Path, *, transparent: bool) -> None:
    suffix = path.suffix.lower()
    if transparent and suffix:
        raise InputError(
            f"{path} cannot hold transparency without loss; with --lossless name a folder of PNG images (no suffix)"
        )
    if suffix not in ("", ".mkv"):
        raise InputError(
            f"{path} cannot hold every pixel as it was made; with --lossless use .mkv or a folder of PNG images"
        )


def _picture(path: Path, info: VideoInfo, *, transparent: bool, lossless: bool) -> Output:
    if lossless and path.suffix.lower() in _PICTURES and path.suffix.lower() != _EXACT_PICTURE:
        raise InputError(f"{path} cannot hold every pixel as it was made; with --lossless use {_EXACT_PICTURE}")
    allowed = _PICTURES_WITH_ALPHA if transparent else _PICTURES
    if path.suffix.lower() not in allowed:
        raise InputError(
            f"{path} does not fit one driving picture, which gives one picture; use {' or '.join(allowed)}"
        )
    return Output(path, "picture", transparent, "ffv1", info, None)


def _default(source: Path, driving: Driving, *, transparent: bool, lossless: bool) -> Path:
    if transparent and lossless and driving.picture is None:
        raise InputError(
            "--lossless with a transparent background gives a folder of PNG images; name one with --output, without "
            "a suffix"
        )
    source = source.resolve()  # so that "." has a name
    film = ".mov" if transparent else ".mkv" if lossless else ".mp4"
    return source.with_name(f"{source.stem}.animated{'.png' if driving.picture is not None else film}")


def packed(frames: torch.Tensor) -> torch.Tensor:
    """RGBA (N, 4, H, W) as RGB (N, 3, 2 H, W), opacity below the colours, because segments hold RGB."""
    return torch.cat([frames[:, :3], frames[:, 3:].expand(-1, 3, -1, -1)], dim=2)


def unpacked(frames: torch.Tensor) -> torch.Tensor:
    """What `packed` took."""
    colours, opacity = frames.chunk(2, dim=2)
    return torch.cat([colours, opacity[:, :1]], dim=1)
