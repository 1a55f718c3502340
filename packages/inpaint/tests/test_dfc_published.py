"""Checkpoints with the keys and shapes of the published ones, each tensor one repeated number to keep files small."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from maskreel.common.errors import InputError
from maskreel.inpaint.dfc import DFCS, dfc_s, dfc_s_movie, load_imagenet, load_published, published_cascade
from maskreel.inpaint.dfc.dfc_s import MultiScaleHead


def _state(network: DFCS) -> dict[str, torch.Tensor]:
    """A number per key; the file holds each once, whatever the shape."""
    return {
        key: torch.tensor(float(i)).expand(value.shape) if value.is_floating_point() else torch.tensor(i)
        for i, (key, value) in enumerate(network.state_dict().items())
    }


def _published(path: Path, network: DFCS, *, counters: bool = True) -> dict[str, torch.Tensor]:
    state = {key: value for key, value in _state(network).items() if counters or not key.endswith("_tracked")}
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], lr=1e-4, momentum=0.9).state_dict()
    model = {f"module.{key}": value for key, value in state.items()}
    torch.save({"n_iter": 100000, "model": model, "optimizer": optimizer}, path)
    return state


@pytest.fixture(scope="module")
def networks() -> dict[str, DFCS]:
    with torch.device("meta"):
        return {"stage1": dfc_s(33, 2), "stage2": dfc_s(66, 4), "movie": dfc_s_movie()}


@pytest.mark.parametrize(("name", "stage"), [("stage1", 1), ("stage2", 2), ("stage2", 3), ("movie", 1)])
def test_published_checkpoints_load_whole(networks: dict[str, DFCS], tmp_path: Path, name: str, stage: int):
    state = _published(tmp_path / "x.pth", networks[name])
    loaded = load_published(tmp_path / "x.pth", stage=stage)
    assert not loaded.training
    own = loaded.state_dict()
    assert own.keys() == state.keys()
    assert all(bool((own[key] == value).all()) for key, value in state.items())


def test_checkpoints_from_before_counters_load(networks: dict[str, DFCS], tmp_path: Path):
    _published(tmp_path / "old.pth", networks["stage1"], counters=False)
    assert int(load_published(tmp_path / "old.pth", stage=1).state_dict()["bn1.num_batches_tracked"]) == 0


def test_a_plain_state_dict_loads_too(tmp_path: Path):
    short = DFCS(MultiScaleHead(2048, 2), in_channels=33, blocks=(1, 1, 1, 1)).state_dict()
    torch.save(short, tmp_path / "short.pth")
    with pytest.raises(InputError, match=r"short.pth does not fit DFCS; keys \d+ missing: layer1.1.conv1.weight"):
        load_published(tmp_path / "short.pth", stage=1)


def test_a_cascade_of_published_stages(networks: dict[str, DFCS], tmp_path: Path):
    _published(tmp_path / "1.pth", networks["stage1"])
    assert len(published_cascade(tmp_path / "1.pth").stages) == 1
    with pytest.raises(InputError, match=r"3.pth is for stage 3 of DFC-Net, which needs weights for stage 2 too"):
        published_cascade(tmp_path / "1.pth", stage3="3.pth")


def test_wrong_files_are_told_in_one_sentence(networks: dict[str, DFCS], tmp_path: Path):
    _published(tmp_path / "one.pth", networks["stage1"])
    _published(tmp_path / "two.pth", networks["stage2"])
    with pytest.raises(InputError, match=r"one.pth is for stage 1 of DFC-Net \(33 channels in\), but stage 2 needs 66"):
        load_published(tmp_path / "one.pth", stage=2)
    with pytest.raises(InputError, match=r"two.pth is for stage 2 or 3 of DFC-Net .*, but stage 1 needs 33"):
        load_published(tmp_path / "two.pth", stage=1)
    with pytest.raises(InputError, match=r"absent.pth: there is no such file of weights of DFC-Net"):
        load_published(tmp_path / "absent.pth", stage=1)
    torch.save({"state_dict": {"conv1.weight": torch.zeros(64, 3, 7, 7)}}, tmp_path / "resnet.pth")
    with pytest.raises(InputError, match=r"resnet.pth must hold a state dict"):
        load_published(tmp_path / "resnet.pth", stage=1)
    save_file({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"other.safetensors holds a ResNet for images, which completes no flow"):
        load_published(tmp_path / "other.safetensors", stage=1)
    torch.save({"model": {"module.a": torch.zeros(1), "b": torch.zeros(1)}}, tmp_path / "mixed.pth")
    with pytest.raises(InputError, match=r"mixed.pth mixes two namings: 1 of 2 keys do not start with 'module.'"):
        load_published(tmp_path / "mixed.pth", stage=1)
    (tmp_path / "cut.pth").write_bytes((tmp_path / "one.pth").read_bytes()[:999])
    with pytest.raises(InputError, match=r"cut.pth is not a readable PyTorch checkpoint"):
        load_published(tmp_path / "cut.pth", stage=1)
    torch.save({"model": Path("x")}, tmp_path / "code.pth")
    with pytest.raises(InputError, match=r"code.pth is refused: it asks for pathlib"):
        load_published(tmp_path / "code.pth", stage=1)
    with pytest.raises(ValueError, match="stage must be 1, 2 or 3, got 4"):
        load_published(tmp_path / "one.pth", stage=4)


def test_imagenet_weights_fill_the_resnet_and_leave_the_head():
    from torchvision.models.resnet import Bottleneck, ResNet

    torch.manual_seed(0)
    images = ResNet(Bottleneck, [1, 1, 1, 1])
    network = DFCS(MultiScaleHead(2048, 2), in_channels=33, blocks=(1, 1, 1, 1))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    load_imagenet(network, images.state_dict())
    state = network.state_dict()
    # A grey image in every channel and the mean over its three channels say the same.
    grey = torch.randn(1, 1, 32, 32)
    with torch.no_grad():
        found = network.conv1(grey.expand(-1, 33, -1, -1)) - before["conv1.bias"][:, None, None]
        expected = images.conv1(grey.expand(-1, 3, -1, -1)) / 3
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(state["layer4.0.conv2.weight"], images.state_dict()["layer4.0.conv2.weight"])
    assert torch.equal(state["layer5.conv1.weight"], before["layer5.conv1.weight"])
    with torch.device("meta"):
        whole = dfc_s()
    with pytest.raises(InputError, match=r"state does not fit DFCS; keys .* missing: layer1.1.conv1.weight"):
        load_imagenet(whole, images.state_dict())
