from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common.errors import InputError
from maskreel.common.video import Clip, VideoWriter, iterate, probe, read, write_frames

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(0)


def pictures(count: int, height: int = 6, width: int = 8) -> np.ndarray:
    return RNG.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def save(folder: Path, names: list[str], images: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    for name, image in zip(names, images, strict=True):
        Image.fromarray(image).save(folder / name)
    return folder


def test_images_are_frames_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    images = pictures(12)
    folder = save(tmp_path / "in", [f"shot_{i}.png" for i in range(12)], images)  # shot_10 sorts before shot_2
    (folder / "notes.json").write_text("{}")
    (folder / "._shot_0.png").write_bytes(b"what macOS leaves behind")
    info = probe(folder, fps=Fraction(24000, 1001))
    assert (info.size, info.frame_count, info.fps) == ((6, 8), 12, Fraction(24000, 1001))
    assert info.duration == 12 * Fraction(1001, 24000)
    assert info.codec == "png"
    assert np.array_equal(read(folder).numpy(), images)
    clips = list(iterate(folder, chunk=5, overlap=2, start=1))
    assert [len(clip) for clip in clips] == [5, 5, 5]
    assert clips[1].start == Fraction(4, 25)
    assert np.array_equal(clips[2].numpy(), images[7:])


def test_numbers_may_run_in_steps_and_begin_anywhere(tmp_path: Path) -> None:
    images = pictures(3)
    folder = save(tmp_path / "in", ["00005.png", "00010.png", "00015.png"], images)
    assert np.array_equal(read(folder).numpy(), images)


def test_gray_palette_and_transparent_images_become_rgb(tmp_path: Path) -> None:
    gray = Image.fromarray(np.full((4, 4), 77, np.uint8))
    gray.save(tmp_path / "0.png")
    gray.convert("P").save(tmp_path / "1.png")
    Image.new("RGBA", (4, 4), (1, 2, 3, 0)).save(tmp_path / "2.png")
    assert [image[0, 0].tolist() for image in read(tmp_path).numpy()] == [[77] * 3, [77] * 3, [1, 2, 3]]


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    image = Image.fromarray(pictures(1)[0])
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise
    image.save(tmp_path / "0.png", exif=exif)
    assert probe(tmp_path).size == (8, 6)
    assert np.array_equal(read(tmp_path).numpy()[0], np.rot90(np.asarray(image), -1))


def test_missing_number(tmp_path: Path) -> None:
    folder = save(tmp_path / "in", [f"{i:05d}.png" for i in (0, 1, 2, 4, 5)], pictures(5))
    with pytest.raises(InputError, match=r"in misses number 3, which must follow 00002\.png"):
        iterate(folder)


def test_oddly_sized_image(tmp_path: Path) -> None:
    folder = save(tmp_path, ["0.png", "1.png"], pictures(2))
    save(folder, ["2.png"], pictures(1, 6, 9))
    with pytest.raises(InputError, match=r"2\.png is 9x6, but 0\.png is 8x6; all frames must have one size"):
        probe(folder)


def test_unreadable_image(tmp_path: Path) -> None:
    folder = save(tmp_path, ["0.png", "1.png"], pictures(2))
    (folder / "2.png").write_bytes(b"not an image")
    with pytest.raises(InputError, match=r"2\.png cannot be read as an image, it is none of PNG"):
        probe(folder)
    (folder / "2.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"2\.png is empty \(0 bytes\)"):
        probe(folder)


def test_image_that_breaks_off(tmp_path: Path) -> None:
    folder = save(tmp_path, ["0.png", "1.png"], pictures(2, 40, 40))
    data = (folder / "1.png").read_bytes()
    (folder / "1.png").write_bytes(data[: len(data) // 2])
    clips = iterate(folder, chunk=1)
    assert len(next(clips)) == 1
    with pytest.raises(InputError, match=r"1\.png cannot be read as an image: .+"):
        next(clips)


def test_more_than_eight_bits(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 60000, np.uint16)).save(tmp_path / "0.png")
    with pytest.raises(InputError, match=r"0\.png has more than 8 bits per channel"):
        probe(tmp_path)


def test_folder_that_is_not_one_sequence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no images"):
        probe(tmp_path)
    save(tmp_path, ["a0.png", "a1.png", "b0.png"], pictures(3))
    with pytest.raises(InputError, match=r"b0\.png and a\d\.png belong to two sequences|a0\.png and b0\.png"):
        probe(tmp_path)
    (tmp_path / "b0.png").unlink()
    Image.new("RGB", (8, 6)).save(tmp_path / "a00.jpg")
    with pytest.raises(InputError, match=r"a0+\.\w+ and a0+\.\w+ have the same number"):
        probe(tmp_path)


def test_name_without_a_number(tmp_path: Path) -> None:
    save(tmp_path, ["cover.png"], pictures(1))
    with pytest.raises(InputError, match=r"cover\.png has no running number at the end of its name"):
        probe(tmp_path)


def test_fps_must_be_positive(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fps must be positive, got 0"):
        probe(tmp_path, fps=Fraction(0))


def test_written_frames_are_read_back_exactly(tmp_path: Path) -> None:
    images = pictures(5)
    clips = [Clip.from_numpy(images[:3], Fraction(25)), Clip.from_numpy(images[3:], Fraction(25), Fraction(3, 25))]
    write_frames(tmp_path / "out", clips)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"{i:05d}.png" for i in range(5)]
    assert np.array_equal(read(tmp_path / "out").numpy(), images)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


def test_folder_to_video_keeps_every_pixel(tmp_path: Path) -> None:
    images = pictures(4)
    folder = save(tmp_path / "in", [f"{i}.png" for i in range(4)], images)
    info = probe(folder)
    with VideoWriter(tmp_path / "a.mkv", fps=info.fps, size=info.size, codec="ffv1", like=info) as writer:
        for clip in iterate(folder):
            writer.write(clip)
    assert np.array_equal(read(tmp_path / "a.mkv").numpy(), images)


def test_failing_source_leaves_no_folder(tmp_path: Path) -> None:
    def clips():
        yield Clip.from_numpy(pictures(2), Fraction(25))
        raise RuntimeError("source")

    with pytest.raises(RuntimeError, match="source"):
        write_frames(tmp_path / "out", clips())
    with pytest.raises(ValueError, match=r"no frame was given for .*out"):
        write_frames(tmp_path / "out", [])
    other = Clip(torch.zeros(1, 3, 4, 4, dtype=torch.uint8), Fraction(25))
    with pytest.raises(ValueError, match=r"clips must have one size, \(6, 8\), got \(4, 4\)"):
        write_frames(tmp_path / "out", [Clip.from_numpy(pictures(1), Fraction(25)), other])
    assert list(tmp_path.iterdir()) == []


def test_existing_images_are_not_touched(tmp_path: Path) -> None:
    folder = save(tmp_path / "out", ["0.png"], pictures(1))
    with pytest.raises(InputError, match="out exists already; name a new or empty folder"):
        write_frames(folder, [Clip.from_numpy(pictures(1), Fraction(25))])
    assert [p.name for p in folder.iterdir()] == ["0.png"]
