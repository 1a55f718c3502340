from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.inpaint.deepfill import DeepFill, DeepFillInpainter, load_deepfill

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAST = "refinement.decoder.8.0"


def painted_colour(blue: float, green: float, red: float) -> dict[str, torch.Tensor]:
    """Weights of a network that paints one colour, whatever it sees."""
    with torch.device("meta"):
        shapes = {key: value.shape for key, value in DeepFill().state_dict().items()}
    state = {key: torch.zeros(shape) for key, shape in shapes.items()}
    state[f"{LAST}.bias"] = torch.tensor([blue, green, red])
    return state


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = DeepFill()
    path = tmp_path_factory.mktemp("deepfill") / "random.pth"
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def painter(weights: Path) -> DeepFillInpainter:
    return DeepFillInpainter(weights, device="cpu", max_side=48)


def case(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    mask = np.zeros((height, width), np.bool_)
    mask[height // 3 : height // 3 * 2 + 1, width // 4 : width // 2 + 1] = True
    return image, mask


@pytest.mark.parametrize("size", [(2, 3), (17, 40), (40, 48), (61, 90)])
def test_any_size_and_nothing_changes_outside(painter, size):
    image, mask = case(*size)
    image.flags.writeable = mask.flags.writeable = False
    result = painter(image, mask)
    assert result.shape == image.shape
    assert np.array_equal(result[~mask], image[~mask])
    assert (result[mask] != image[mask]).any()
    assert np.array_equal(result, painter(image, mask))


def test_what_stands_in_the_hole_does_not_matter(painter):
    image, mask = case(40, 48)
    assert np.array_equal(painter(image, mask), painter(np.where(mask[..., None], np.uint8(0), image), mask))


def test_the_network_sees_and_paints_blue_first(tmp_path):
    torch.save(painted_colour(-1.0, 0.2, 1.0), tmp_path / "w.pth")
    painter, seen = DeepFillInpainter(tmp_path / "w.pth", device="cpu"), []
    image, mask = case(33, 50)
    result = painter(image, mask)
    assert (result[mask] == (255, 153, 0)).all()  # 1.2 * 127.5 = 153
    painter._network.register_forward_pre_hook(lambda _, arguments: seen.append(arguments))
    painter(np.full((40, 40, 3), (255, 51, 0), np.uint8), np.eye(40, dtype=np.bool_))
    pictures, holes = seen[0]
    assert torch.equal(holes[0, 0], torch.eye(40))
    torch.testing.assert_close(pictures[0, :, 0, 1], torch.tensor([-1.0, -0.6, 1.0]))


def test_grey_weights_leave_a_grey_picture_grey(tmp_path):
    torch.save(painted_colour(0.0, 0.0, 0.0), tmp_path / "w.pth")
    image, mask = np.full((64, 64, 3), 100, np.uint8), case(64, 64)[1]
    result = DeepFillInpainter(tmp_path / "w.pth", device="cpu")(image, mask)
    assert (result[mask] == 128).all()
    assert (result[~mask] == 100).all()


def test_the_representation_tells_all_that_decides_the_result(weights, painter, tmp_path):
    assert repr(painter).startswith("DeepFillInpainter(weights='random.pth ")
    torch.save(painted_colour(0.0, 0.0, 0.0), tmp_path / "random.pth")
    named = DeepFillInpainter(tmp_path / "random.pth", device="cpu", max_side=48)
    others = DeepFillInpainter(weights, device="cpu"), named
    assert len({repr(painter), *map(repr, others)}) == 3
    assert repr(DeepFillInpainter(weights, device="cpu", max_side=48)) == repr(painter)


def test_weights_in_safetensors_are_read_too(weights, tmp_path):
    from safetensors.torch import save_file

    state = load_deepfill(weights).state_dict()
    save_file({key: value.contiguous() for key, value in state.items()}, tmp_path / "w.safetensors")
    other = load_deepfill(tmp_path / "w.safetensors").state_dict()
    assert all(torch.equal(value, other[key]) for key, value in state.items())


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return print, ("this would be run",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no weights at all", "is not a readable PyTorch checkpoint"),
        ({"conv1.weight": torch.zeros(2)}, "does not hold weights of DeepFill v1"),
        ({}, "does not hold weights of DeepFill v1"),
        ({"stage_1.down.out.0.conv.0.weight": torch.zeros(2)}, "does not hold weights of DeepFill v1"),
        ({"model": {"stage_1": torch.zeros(2)}}, "must hold a state dict"),
        ({**painted_colour(0, 0, 0), f"{LAST}.bias": torch.zeros(4)}, r"keys 1 of another shape: refinement.*\(4 in"),
        (Evil(), r"is refused: it asks for (builtins\.)?print"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, content, message):
    path = tmp_path / "wrong.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(InputError, match=rf"wrong\.pth.*{message}"):
        DeepFillInpainter(path, device="cpu")


def test_a_missing_file_and_bad_options_are_refused(weights, tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.pth: there is no such file with weights of DeepFill"):
        DeepFillInpainter(tmp_path / "nowhere.pth", device="cpu")
    with pytest.raises(ValueError, match="max_side must be 32 or more, got 31"):
        DeepFillInpainter(weights, device="cpu", max_side=31)
