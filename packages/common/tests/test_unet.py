"""The small U-Net."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file

from maskreel.common.errors import InputError
from maskreel.common.training import TrainingConfig, train
from maskreel.common.unet import UNet, UNetTask, load_unet, save_unet

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

NAMES = ("background", "red", "blue")


def scene() -> tuple[torch.Tensor, torch.Tensor]:
    """A clip of two frames (48, 64), in each a red disc and a blue square, and its labels."""
    y, x = torch.meshgrid(torch.arange(48), torch.arange(64), indexing="ij")
    frames, labels = torch.full((2, 3, 48, 64), 128, dtype=torch.uint8), torch.zeros(2, 48, 64, dtype=torch.uint8)
    for index, (disc, square) in enumerate([((16, 18), (30, 46)), ((30, 44), (14, 20))]):
        red = (y - disc[0]) ** 2 + (x - disc[1]) ** 2 < 100
        blue = ((y - square[0]).abs() < 9) & ((x - square[1]).abs() < 9)
        for inside, label, colour in ((red, 1, (190, 40, 40)), (blue, 2, (40, 60, 200))):
            labels[index, inside] = label
            frames[index, :, inside] = torch.tensor(colour, dtype=torch.uint8)[:, None]
    return frames, labels


@pytest.mark.parametrize("size", [(48, 64), (33, 47), (5, 3)])
def test_logits_have_the_size_of_the_image(size: tuple[int, int]) -> None:
    network, images = UNet(3), torch.rand(2, 3, *size)
    logits = network(images)
    assert logits.shape == (2, 3, *size)
    assert torch.equal(network.segment(images), logits.argmax(1).to(torch.uint8))


def test_blocks_are_the_same_logits_in_another_order() -> None:
    network, images = UNet(3), torch.rand(1, 3, 32, 48)
    logits, blocks = network(images), network.block_logits(images)
    assert blocks.shape == (1, 3, 4, 16, 24)
    for y, x in ((0, 0), (5, 8), (31, 46), (12, 7)):
        assert torch.equal(logits[0, :, y, x], blocks[0, :, 2 * (y % 2) + x % 2, y // 2, x // 2])


def test_it_has_no_batch_statistics() -> None:
    network, images = UNet(3).train(), torch.rand(3, 3, 32, 32)
    torch.testing.assert_close(network(images)[:1], network(images[:1]))
    assert not list(network.buffers())


def test_it_is_small_enough_to_lie_beside_the_tests() -> None:
    assert sum(parameter.numel() for parameter in UNet(49).parameters()) * 2 < 6e6


def test_the_losses_are_cross_entropies_over_the_pixels_that_count() -> None:
    network = UNet(3)
    task = UNetTask(network=network)
    labels = torch.randint(0, 3, (2, 20, 34), dtype=torch.uint8)  # padded to 32x48
    labels[0, :5] = 255
    images = torch.rand(2, 3, 20, 34)
    losses = task.losses(network, {"image": images, "labels": labels})
    logits = network(images).movedim(1, -1)
    counted, objects = labels != 255, (labels == 1) | (labels == 2)
    right = logits.log_softmax(-1)[counted].gather(1, labels[counted].long()[:, None])
    torch.testing.assert_close(losses["all_classes"], -right.mean())
    odds = (logits[..., 2] - logits[..., 1])[objects] * torch.where(labels[objects] == 1, 1, -1)
    torch.testing.assert_close(losses["among_objects"], odds.exp().log1p().mean())


def test_frames_without_objects_can_be_trained_on() -> None:
    network = UNet(3)
    batch = {"image": torch.rand(1, 3, 16, 16), "labels": torch.zeros(1, 16, 16, dtype=torch.uint8)}
    losses = UNetTask(network=network).losses(network, batch)
    assert losses["among_objects"] == 0
    torch.stack(list(losses.values())).sum().backward()


def test_it_learns_and_is_measured_and_shown(tmp_path: Path) -> None:
    frames, labels = scene()
    torch.manual_seed(0)
    task = UNetTask([(frames, labels), (frames.numpy(), labels.numpy())], network=UNet(3))
    before = task.evaluate(task.module)["mean_iou"]
    data = [{"image": frames[time].float() / 255, "labels": labels[time]} for time in range(2)]
    config = TrainingConfig(steps=60, batch_size=2, lr=5e-3, device="cpu", threads=1, tensorboard=False)
    train(task, data, config, tmp_path)
    task.module.eval()
    after = task.evaluate(task.module)["mean_iou"]
    assert before < 0.4
    assert after > 0.85
    picture = task.samples(task.module)
    assert picture is not None
    assert picture.shape == (3, 2 * 48 + 3 * 8, 2 * 64 + 3 * 8)


def test_without_clips_there_is_nothing_to_measure_or_show() -> None:
    task = UNetTask(network=UNet(3))
    assert task.evaluate(task.module) == {}
    assert task.samples(task.module) is None


def test_weights_come_back_in_single_precision(tmp_path: Path) -> None:
    network, path = UNet(3), tmp_path / "unet.safetensors"
    save_unet(network, path, class_names=NAMES)
    assert {value.dtype for value in load_file(path).values()} == {torch.float16}
    loaded = load_unet(path, class_names=NAMES)
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    for key, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value.half().float())


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    network, path = UNet(3), tmp_path / "unet.safetensors"
    save_unet(network, path, class_names=NAMES)
    with pytest.raises(InputError, match=r"head.weight \(12x24x1x1 in the file, 16x24x1x1 in the network\)"):
        load_unet(path, class_names=(*NAMES, "green"))
    with pytest.raises(InputError, match=r'was saved for classes \["background", "red", "blue"\], expected'):
        load_unet(path, class_names=("background", "blue", "red"))
    state = {name: value.clone() for name, value in load_file(path).items()}  # older ones are windows into the file
    save_file(state, path, metadata={"channel_order": '"BGR"', "classes": json.dumps(NAMES)})
    with pytest.raises(InputError, match='was saved for channel_order "BGR", expected "RGB"'):
        load_unet(path, class_names=NAMES)
    save_file(state, path)
    with pytest.raises(InputError, match='was saved for channel_order null, expected "RGB"'):
        load_unet(path, class_names=NAMES)
    with pytest.raises(InputError, match=r"none.safetensors is not a file, expected weights"):
        load_unet(tmp_path / "none.safetensors", class_names=NAMES)


def test_what_cannot_be_saved_is_refused(tmp_path: Path) -> None:
    network = UNet(3)
    with pytest.raises(ValueError, match=r"path must end in .safetensors, got .*unet.pth"):
        save_unet(network, tmp_path / "unet.pth", class_names=NAMES)
    with pytest.raises(ValueError, match="class_names must be 3, one per class, got 2"):
        save_unet(network, tmp_path / "unet.safetensors", class_names=NAMES[:2])
    torch.nn.init.constant_(network.head.bias, 1e6)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"finite values below 65504 only, but head.bias does not"):
        save_unet(network, tmp_path / "unet.safetensors", class_names=NAMES)
    assert not list(tmp_path.iterdir())


def test_one_class_is_too_few() -> None:
    with pytest.raises(ValueError, match="classes must be 2 or more, got 1"):
        UNet(1)
