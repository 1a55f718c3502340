from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from maskreel.common.errors import InputError
from maskreel.inpaint.painting.lama import LaMaInpainter

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


class Telltale(nn.Module):
    """Red: the mean red that is known. Green: the part of the picture that is hole. Blue: more than white."""

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        red = (image[:, :1] * (1 - mask)).sum() / (1 - mask).sum()
        leaked = (image * mask).abs().sum()
        colour = torch.stack([red, mask.mean() + leaked, torch.full_like(red, 1.7)])
        return colour.view(1, 3, 1, 1).expand(-1, -1, image.shape[2], image.shape[3])


class Demanding(nn.Module):
    """Refuses sides that LaMa could not take; answers with what it sees."""

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        assert image.shape[2] % 8 == 0 and image.shape[3] % 8 == 0  # noqa: PT018 (TorchScript)
        assert image.shape[2] >= 16 and image.shape[3] >= 16  # noqa: PT018
        assert mask.shape == (image.shape[0], 1, image.shape[2], image.shape[3])
        return image * 0.5 + 0.25


class OneArgument(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image


class Halved(nn.Module):
    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return (image * mask)[:, :, ::2, ::2]


class Picky(nn.Module):
    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return image + mask[:, :, :7, :7]


class Whole(nn.Module):
    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return (image * mask).int()


def saved(network: nn.Module, path: Path) -> Path:
    torch.jit.script(network).save(str(path))
    return path


def case(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    mask = np.zeros((height, width), np.bool_)
    mask[height // 3 : height // 3 * 2 + 1, width // 4 : width // 2] = True
    return image, mask


def test_image_and_mask_arrive_as_lama_wants_them(tmp_path):
    painter = LaMaInpainter(saved(Telltale(), tmp_path / "lama.pt"), device="cpu")
    image, mask = np.full((64, 128, 3), (200, 100, 50), np.uint8), np.zeros((64, 128), np.bool_)
    mask[20:36, 40:72] = True
    result = painter(image, mask)
    assert (result[mask] == (200, 16, 255)).all()  # a sixteenth of the picture, of 255; white at most
    assert (result[~mask] == (200, 100, 50)).all()


@pytest.mark.parametrize("size", [(1, 4), (7, 90), (64, 64), (101, 157)])
def test_any_size(tmp_path, size):
    painter = LaMaInpainter(saved(Demanding(), tmp_path / "lama.pt"), device="cpu", max_side=64)
    image, mask = case(*size)
    result = painter(image, mask)
    assert np.array_equal(result[~mask], image[~mask])
    if max(size) <= 64:
        assert (result[mask] == 64).all()  # 255 / 4, for the hole is black
    assert np.array_equal(result, painter(image, mask))


def test_the_representation_tells_all_that_decides_the_result(tmp_path):
    one = saved(Telltale(), tmp_path / "one.pt")
    (tmp_path / "elsewhere").mkdir()
    other = saved(Demanding(), tmp_path / "elsewhere" / "one.pt")
    given: list[tuple[Path, dict[str, Any]]] = [(one, {}), (one, {"max_side": 256}), (other, {})]
    painters = [LaMaInpainter(path, device="cpu", **options) for path, options in given]
    assert len({repr(painter) for painter in painters}) == 3
    assert repr(painters[0]) == repr(LaMaInpainter(one, device="cpu"))
    assert repr(painters[0]).startswith("LaMaInpainter('one.pt ")


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (OneArgument(), "does not take an image and a mask"),
        (Picky(), "does not take an image and a mask"),
        (Halved(), "does not answer with a picture"),
        (Whole(), "does not answer with a picture"),
    ],
)
def test_another_network_is_refused_before_it_is_used(tmp_path, network, message):
    path = saved(network, tmp_path / "other.pt")
    with pytest.raises(InputError, match=rf"other\.pt is TorchScript, but not of LaMa: it {message}"):
        LaMaInpainter(path, device="cpu")


def test_what_is_not_torchscript_is_refused(tmp_path):
    path = tmp_path / "big-lama.pt"
    whole = saved(Telltale(), path).read_bytes()
    for content in (b"", b"no archive", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"big-lama\.pt is not a TorchScript file"):
            LaMaInpainter(path, device="cpu")
    torch.save({"weight": torch.zeros(3)}, path)
    with pytest.raises(InputError, match=r"big-lama\.pt is not a TorchScript file"):
        LaMaInpainter(path, device="cpu")


def test_a_damaged_program_is_refused(tmp_path):
    whole, path = saved(Telltale(), tmp_path / "whole.pt"), tmp_path / "damaged.pt"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, content.replace(b"def forward", b"def fo(ward") if name.endswith(".py") else content)
    with pytest.raises(InputError, match=r"damaged\.pt is a TorchScript file that cannot be read"):
        LaMaInpainter(path, device="cpu")


def test_a_missing_file_and_bad_options_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.pt does not exist, expected a TorchScript file"):
        LaMaInpainter(tmp_path / "nowhere.pt", device="cpu")
    with pytest.raises(ValueError, match="max_side must be 32 or more, got 8"):
        LaMaInpainter(saved(Telltale(), tmp_path / "lama.pt"), device="cpu", max_side=8)
