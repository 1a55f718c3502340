from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.common.metrics import psnr
from maskreel.inpaint.generator import SMALL, FillNetwork, SmallInpainter, load_generator, save_generator
from maskreel.inpaint.generator._holes import random_hole
from maskreel.inpaint.generator._pictures import made_picture
from maskreel.inpaint.generator._samples import first_guess
from maskreel.inpaint.painting.hole_fill import fill_image


@pytest.fixture(scope="module")
def painter() -> SmallInpainter:
    return SmallInpainter()


@pytest.fixture(scope="module")
def untrained(tmp_path_factory) -> SmallInpainter:
    path = tmp_path_factory.mktemp("weights") / "none.safetensors"
    save_generator(FillNetwork(), path, {"steps": 0})
    return SmallInpainter(path)


def scene(height: int, width: int, seed: int = 0) -> np.ndarray:
    return made_picture(np.random.default_rng(seed), (height, width))


def box(height: int, width: int, rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[rows, columns] = True
    return mask


@pytest.mark.parametrize(
    ("size", "rows", "columns"),
    [
        ((61, 83), slice(20, 40), slice(30, 50)),
        ((33, 40), slice(0, 33), slice(0, 39)),
        ((240, 301), slice(50, 240), slice(100, 160)),
        ((560, 300), slice(20, 540), slice(100, 180)),
        ((9, 12), slice(2, 5), slice(3, 7)),
    ],
)
def test_paints_holes_of_any_size_and_nothing_else(painter, size: tuple[int, int], rows: slice, columns: slice):
    image, mask = scene(*size), box(*size, rows, columns)
    before = image.copy()
    painted = painter(image, mask)
    assert painted.dtype == np.uint8
    assert np.array_equal(painted[~mask], image[~mask])
    assert np.array_equal(image, before)
    hidden = np.where(mask[..., None], np.uint8(0), image)
    assert np.array_equal(painter(hidden, mask), painted)  # what stands in the hole does not matter


def test_a_network_that_corrects_nothing_leaves_the_first_guess(untrained):
    image, mask = scene(152, 200), box(152, 200, slice(30, 110), slice(60, 110))
    assert np.array_equal(untrained(image, mask), first_guess(image, mask))


def test_larger_holes_are_painted_at_half_the_size_first(untrained):
    half, half_mask = scene(128, 128, 3), box(128, 128, slice(20, 100), slice(45, 90))
    image, mask = (np.repeat(np.repeat(array, 2, 0), 2, 1) for array in (half, half_mask))
    enlarged = cv2.resize(first_guess(half, half_mask), (256, 256), interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(untrained(image, mask), np.where(mask[..., None], enlarged, image))


def test_an_empty_mask_changes_nothing_and_a_full_one_is_refused(painter):
    image = scene(40, 60)
    assert np.array_equal(painter(image, np.zeros((40, 60), bool)), image)
    with pytest.raises(ValueError, match="mask covers the whole image"):
        painter(image, np.ones((40, 60), bool))
    with pytest.raises(ValueError, match="image must be uint8"):
        painter(image.astype(np.float32), np.ones((40, 60), bool))


def test_continues_straight_edges_that_the_classical_fill_bends(painter):
    truth = np.full((128, 192, 3), (200, 190, 170), np.uint8)
    truth[70:] = (90, 60, 50)
    mask = box(128, 192, slice(24, 128), slice(70, 120))
    answers = [
        torch.from_numpy(answer).permute(2, 0, 1) for answer in (painter(truth, mask), fill_image(truth, mask), truth)
    ]
    ours, classical = (float(psnr(answer, answers[2], mask=torch.from_numpy(mask))) for answer in answers[:2])
    assert ours > classical


def test_is_better_than_what_it_starts_from(painter):
    gains = []
    for seed in range(1000, 1016):
        truth = scene(128, 128, seed)
        mask = random_hole(np.random.default_rng(seed), 128, (0.4, 0.8))
        where = torch.from_numpy(mask)
        ours, classical = (
            float(psnr(torch.from_numpy(answer).permute(2, 0, 1), torch.from_numpy(truth).permute(2, 0, 1), mask=where))
            for answer in (painter(truth, mask), fill_image(truth, mask))
        )
        gains.append(ours - classical)
    assert np.mean(gains) > 0.5
    assert np.mean(np.array(gains) > 0) > 0.7


def test_the_representation_tells_the_weights(painter, untrained):
    assert repr(painter).startswith("SmallInpainter(small.safetensors ")
    assert repr(painter) == repr(SmallInpainter())
    assert repr(untrained).split()[1] != repr(painter).split()[1]
    assert repr(SmallInpainter(max_side=256)) != repr(painter)


def test_the_shipped_weights_are_small_and_tell_their_origin():
    assert SMALL.stat().st_size < 5e6
    record = json.loads(SMALL.with_suffix(".json").read_text())
    assert record["channel_order"] == "RGB"
    assert "train-fill" in record["command"]
    assert record["quality"]["psnr"] > record["quality"]["guess_psnr"]


def test_saved_networks_come_back(tmp_path):
    torch.manual_seed(1)
    network = FillNetwork()
    save_generator(network, tmp_path / "a.safetensors")
    loaded = load_generator(tmp_path / "a.safetensors")
    assert not loaded.training
    for name, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.half().float())
    assert not (tmp_path / "a.json").exists()


def test_files_that_are_no_weights_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"none.safetensors is not a file, expected weights of maskreel inpaint"):
        load_generator(tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"12345678901234")
    with pytest.raises(InputError, match="not a readable safetensors file"):
        load_generator(tmp_path / "bad.safetensors")
