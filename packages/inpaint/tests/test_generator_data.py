from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.common.video import Clip, write
from maskreel.inpaint.generator import HoleSamples, images_of, rendered_images
from maskreel.inpaint.generator._holes import random_hole
from maskreel.inpaint.generator._patterns import PATTERNS, fractal
from maskreel.inpaint.generator._pictures import made_picture
from maskreel.inpaint.generator._pool import KINDS, RENDER, kind_of
from maskreel.inpaint.generator._samples import first_guess, varied_crop


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.__name__)
def test_patterns_fill_the_range(pattern):
    for seed in range(3):
        values = pattern(rng(seed), (48, 64))
        assert values.shape == (48, 64)
        assert values.dtype == np.float32
        assert 0 <= values.min() < values.max() <= 1


def test_the_slope_of_fractal_noise_is_that_of_its_spectrum():
    spectrum = np.abs(np.fft.rfft2(fractal(rng(0), (256, 256), 1.0) - 0.5))
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(256))
    inside = (frequency > 0.02) & (frequency < 0.2)
    slope = np.polyfit(np.log(frequency[inside]), np.log(spectrum[inside]), 1)[0]
    assert slope == pytest.approx(-1, abs=0.1)


def test_pictures_differ_and_come_again():
    pictures = [made_picture(rng(seed), (64, 80)) for seed in range(20)]
    assert all(picture.shape == (64, 80, 3) and picture.dtype == np.uint8 for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == 20
    assert np.array_equal(made_picture(rng(4), (64, 80)), pictures[4])


def test_holes_are_neither_empty_nor_everything():
    shares = [random_hole(rng(seed), 96, (0.3, 1.6)).mean() for seed in range(100)]
    assert min(shares) > 0
    assert max(shares) <= 0.88
    assert max(shares) - min(shares) > 0.4


def test_people_are_as_high_as_asked_for():
    heights = []
    for seed in range(200):
        generator = rng(seed)
        if generator.random() < 0.55:  # a person, as the function draws it
            rows = np.flatnonzero(random_hole(rng(seed), 128, (0.4, 0.4)).any(1))
            heights.append(rows[-1] - rows[0] + 1)
    assert 0.3 * 128 < np.median(heights) < 0.55 * 128


def test_crops_keep_the_picture():
    image = np.full((100, 180, 3), (10, 90, 200), np.uint8)
    for seed in range(20):
        crop = varied_crop(rng(seed), image, 64)
        assert crop.shape == (64, 64, 3)
        assert sorted(crop[0, 0]) == [10, 90, 200]
        assert (crop == crop[0, 0]).all()
    assert varied_crop(rng(0), image[:30, :40], 64).shape == (64, 64, 3)


def checked(sample: dict[str, torch.Tensor]) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:
    planes = sample["input"].numpy()
    truth, guess = (
        np.rint(picture.transpose(1, 2, 0) * 255).astype(np.uint8) for picture in (sample["truth"].numpy(), planes[:3])
    )
    return truth, guess, planes[3] > 0, bool(planes[4, 0, 0])


def test_samples_hide_the_truth_behind_a_guess():
    picture = made_picture(rng(1), (128, 160))
    samples = HoleSamples([lambda: picture] * 24, side=64)
    kinds = set()
    for index in range(len(samples)):
        truth, guess, hole, refine = checked(samples.sample(index, rng(index)))
        kinds.add(refine)
        assert np.array_equal(guess[~hole], truth[~hole])
        assert (guess[hole] != truth[hole]).any()
        if not refine:
            hidden = np.where(hole[..., None], np.uint8(0), truth)
            assert np.array_equal(first_guess(hidden, hole), guess)  # nothing leaks from the hole
            assert np.array_equal(first_guess(truth, hole), guess)
    assert kinds == {False, True}


def test_the_first_guess_solves_laplaces_equation():
    y, x = np.mgrid[:64, :80].astype(np.float32)
    harmonic = 128 + (x - 40) * (y - 32) / 16  # neither a maximum nor a minimum inside, for it is harmonic itself
    picture = np.repeat(np.clip(harmonic, 0, 255)[..., None], 3, -1).round().astype(np.uint8)
    hole = np.zeros((64, 80), bool)
    hole[15:50, 20:60] = True
    error = np.abs(first_guess(np.where(hole[..., None], np.uint8(7), picture), hole).astype(int) - picture)
    assert error.max() <= 3


def test_samples_are_a_function_of_torchs_generator():
    samples = HoleSamples([lambda: made_picture(rng(1), (80, 80))], side=64)
    drawn = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        drawn.append(samples[0]["input"])
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_rendered_pictures_are_rendered_once(tmp_path):
    counted = []
    images = rendered_images(tmp_path, 5, seed=4, progress=counted.append)
    assert sum(counted) == 5
    before = {image.path: image.path.stat().st_mtime_ns for image in images}
    texture = next(image.path for image in images if image.kind == "texture")
    bytes_before = texture.read_bytes()
    texture.unlink()
    assert rendered_images(tmp_path, 5, seed=4) == images
    assert texture.read_bytes() == bytes_before
    assert all(path.stat().st_mtime_ns == when for path, when in before.items() if path != texture)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_picture_that_its_seed_decides(kind):
    picture = RENDER[kind](4, 30)
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3
    assert min(picture.shape[:2]) >= 240
    assert picture.std() > 1
    assert np.array_equal(RENDER[kind](4, 30), picture)


def test_more_than_half_are_textures_and_every_kind_comes_soon():
    kinds = [kind_of(number) for number in range(500)]
    assert {kind: kinds.count(kind) for kind in KINDS} == pytest.approx(
        {"lecture": 90, "actors": 100, "table": 40, "texture": 270}, abs=2
    )
    assert set(kinds[:20]) == set(KINDS)


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (3, -1)])
def test_no_pictures_or_seeds_below_nothing_are_refused(tmp_path, count, seed):
    with pytest.raises(ValueError, match="count must be 1 or more and seed 0 or more"):
        rendered_images(tmp_path, count, seed=seed)


def test_images_and_videos_of_a_folder(tmp_path):
    given, cache = tmp_path / "given", tmp_path / "cache"
    (given / "deeper").mkdir(parents=True)
    picture = np.zeros((600, 900, 3), np.uint8)
    picture[..., 0] = 200  # blue for OpenCV
    cv2.imwrite(str(given / "large.png"), picture)
    frames = torch.zeros(30, 3, 48, 64, dtype=torch.uint8)
    frames += torch.arange(30, dtype=torch.uint8)[:, None, None, None] * 8
    write(given / "deeper" / "clip.mp4", Clip(frames, Fraction(10)))
    (given / "notes.txt").write_text("no picture")
    images = images_of(given, cache)
    assert len(images) == 1 + 12
    clip, large = [image() for image in images[:-1]], images[-1]()
    assert large.shape == (288, 432, 3)
    assert large[5, 5].tolist() == [0, 0, 200]
    means = [float(frame.mean()) for frame in clip]
    assert means == sorted(means)
    assert means[-1] - means[0] > 150
    stored = sorted(cache.iterdir())
    times = [file.stat().st_mtime_ns for file in stored]
    assert images_of(given, cache) == images
    assert [file.stat().st_mtime_ns for file in sorted(cache.iterdir())] == times


def test_whatever_common_reads_is_a_picture_and_what_is_hidden_is_none(tmp_path):
    grey = np.full((40, 60), 90, np.uint8)
    cv2.imwrite(str(tmp_path / "grey.pgm"), grey)
    cv2.imwrite(str(tmp_path / "COLOUR.PPM"), np.dstack([grey, grey, grey * 0]))
    write(tmp_path / "moving.gif", Clip(torch.full((3, 3, 48, 64), 7, dtype=torch.uint8), Fraction(10)), codec="gif")
    (tmp_path / ".thumbs").mkdir()
    for hidden in ("._grey.pgm", ".thumbs/grey.png"):
        (tmp_path / hidden).write_bytes(b"what a Mac leaves on a stick")
    pictures = [image() for image in images_of(tmp_path, tmp_path / "cache")]
    assert [picture[20, 30].tolist() for picture in pictures] == [[90, 90, 0][::-1], [90] * 3, *[[7] * 3] * 3]


def test_folders_without_pictures_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"missing is not a folder"):
        images_of(tmp_path / "missing", tmp_path / "cache")
    with pytest.raises(InputError, match=r"holds no images .* and no videos"):
        images_of(tmp_path, tmp_path / "cache")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"broken.png cannot be read as an image"):
        images_of(tmp_path, tmp_path / "cache")
