"""Pictures that ask for all memory, or for another program: a refusal in one sentence, and little memory."""

from __future__ import annotations

import struct
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common import masks, video
from maskreel.common.errors import InputError
from maskreel.common.image_file import open_image

if TYPE_CHECKING:
    from collections.abc import Iterator

MEGABYTES = 2**20


@contextmanager
def at_most(megabytes: int) -> Iterator[None]:
    """Linux tells the peak of the resident memory, and forgets it on demand."""
    status, forget = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if sys.platform != "linux":
        yield
        return

    def kilobytes(name: str) -> int:
        return int(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith(f"{name}:")))

    forget.write_text("5")
    before = kilobytes("VmRSS")
    yield
    assert (kilobytes("VmHWM") - before) / 1024 < megabytes


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *, pixels: bytes = b"", before: bytes = b"") -> bytes:
    head = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + before
        + chunk(b"IDAT", zlib.compress(pixels))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(100_000, 100_000), (2**31 - 1, 1), (9000, 9000)])
def test_sizes_beyond_the_limit_are_refused_by_the_header(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "0.png"
    path.write_bytes(png(*size))
    with at_most(50):
        for read in (masks.read_label_png, masks.read_binary_png, lambda _: video.probe(tmp_path)):
            with pytest.raises(InputError, match=r"0\.png .*(pixels|picture|PNG file|image)"):
                read(path)


def test_largest_allowed_size_is_only_a_header_until_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(png(8192, 8192))
    with at_most(50):
        assert video.probe(tmp_path).size == (8192, 8192)


def test_text_that_unpacks_to_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "0.png"
    bomb = zlib.compress(bytes(300 * MEGABYTES), 9)
    path.write_bytes(png(2, 2, pixels=bytes(6), before=chunk(b"iTXt", b"k\0\1\0\0\0" + bomb)))
    with at_most(100), pytest.raises(InputError, match=r"0\.png cannot be read as a PNG file: .*[Tt]oo [Ll]arge"):
        masks.read_label_png(path)


def test_pixels_beyond_the_picture_are_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "0.png"
    path.write_bytes(png(2, 2, pixels=bytes(300 * MEGABYTES)))
    with at_most(100):
        assert masks.read_label_png(path).shape == (2, 2)


def test_formats_that_start_other_programs_are_never_tried(tmp_path: Path) -> None:
    """Pillow gives PostScript, whatever its name, to Ghostscript, if that is there."""
    (tmp_path / "0.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 5\n%%EndComments\nshowpage\n")
    with pytest.raises(InputError, match=r"0\.png cannot be read as an image, it is none of PNG, JPEG"):
        video.probe(tmp_path)
    with pytest.raises(InputError, match=r"it is none of PNG"), open_image(tmp_path / "0.png"):
        pass


def test_faults_while_the_pixels_are_decoded_are_told_as_well(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(50, 50, pixels=bytes(30)))
    with pytest.raises(InputError, match=r"a\.png cannot be read as a picture: "), open_image(path) as image:
        image.load()


def test_label_maps_hold_at_most_255_objects_however_many_a_picture_claims(tmp_path: Path) -> None:
    """A PNG of 16 bits could have 65535, and label maps would hold a mask for each."""
    path = tmp_path / "ids.png"
    Image.fromarray(np.arange(256 * 256, dtype=np.uint16).reshape(256, 256)).save(path)
    with pytest.raises(InputError, match=r"ids\.png is a picture of mode I;16, a label map must be"):
        masks.read_label_png(path)


@pytest.mark.parametrize(
    ("rle", "fault"),
    [
        ({"size": [10**9, 10**9], "counts": [10**18]}, "at most 67 million"),
        ({"size": [2, 2], "counts": [2**63, 2]}, "add up to 2 x 2"),
        ({"size": [2, 2], "counts": [2**62, 2**62, 2**62, 2**62, 4]}, "add up to 2 x 2"),
        ({"size": [2, 2], "counts": "oooooooooooooooooooooo0"}, "longer than any"),
        ({"size": [2, 2], "counts": "o" * 1_000_000 + "0"}, "longer than any"),
        ({"size": [True, 2], "counts": [2]}, "size must be"),
        ({"size": [2, 2], "counts": b"\xff"}, "no character"),
    ],
)
def test_run_lengths_that_overflow(rle: dict[str, object], fault: str) -> None:
    with at_most(200), pytest.raises(ValueError, match=fault):
        masks.decode_rle(rle)


def test_million_runs_of_nothing_are_read() -> None:
    assert masks.decode_rle({"size": [2, 2], "counts": [0] * 1_000_000 + [4]}).equal(
        torch.zeros(2, 2, dtype=torch.bool)
    )
