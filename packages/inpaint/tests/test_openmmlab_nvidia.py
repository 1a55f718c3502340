"""NVIDIA's FlowNet2, written down from its architecture alone, against the same weights in mmflow's."""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import os
from typing import TYPE_CHECKING

import pytest
import torch
from torch.nn import functional

from maskreel.common.errors import InputError
from maskreel.inpaint.openmmlab import FlowNet2
from maskreel.inpaint.openmmlab._nvidia_flownet2 import is_nvidia, to_mmflow

if TYPE_CHECKING:
    from pathlib import Path

State = dict[str, torch.Tensor]

needs_openmmlab = pytest.mark.skipif(
    importlib.util.find_spec("mmcv") is None and not os.environ.get("MASKREEL_REQUIRE_OPENMMLAB"),
    reason="needs maskreel-inpaint[openmmlab]",
)

SLIM = 16  # every layer has a sixteenth of its channels


def layer_shapes(slim: int) -> dict[str, tuple[int, ...]]:
    """Shapes of all weights of NVIDIA's FlowNet2, with channels divided by `slim`."""
    shapes: dict[str, tuple[int, ...]] = {}

    def add(name: str, outputs: int, inputs: int, side: int, *, bias: bool = True, transposed: bool = False) -> None:
        shapes[f"{name}.weight"] = (inputs, outputs, side, side) if transposed else (outputs, inputs, side, side)
        if bias:
            shapes[f"{name}.bias"] = (outputs,)

    def decoder(block: str, skips: dict[int, int], coarsest: int, ups: dict[int, int], inter: dict[int, int]) -> None:
        """`skips`: channels from the encoder by level; `ups`: those of deconv by level; `inter`: of inter_conv."""
        inputs = skips[max(skips)]
        for level in range(coarsest, min(skips) - 1, -1):
            if level < coarsest:
                inputs = skips[level] + ups[level] + 2
            if level in inter:
                add(f"{block}.inter_conv{level}.0", inter[level], inputs, 3)
            add(f"{block}.predict_flow{level}", 2, inter.get(level, inputs), 3)
            if level > min(skips):
                add(f"{block}.deconv{level - 1}.0", ups[level - 1], inputs, 4, transposed=True)
                name = f"{block}.upsampled_flow{level}_to_{level - 1}"
                add(name, 2, 2, 4, bias=not block.startswith("flownets_") or block == "flownets_d", transposed=True)

    w = {n: n // slim for n in (16, 32, 64, 128, 256, 512, 1024)}
    deep = [
        ("4", 256, 512),
        ("4_1", 512, 512),
        ("5", 512, 512),
        ("5_1", 512, 512),
        ("6", 512, 1024),
        ("6_1", 1024, 1024),
    ]
    ups = {5: w[512], 4: w[256], 3: w[128], 2: w[64]}
    skips = {6: w[1024], 5: w[512], 4: w[512], 3: w[256], 2: w[128]}
    for block, inputs in (("flownetc", 3), ("flownets_1", 12), ("flownets_2", 12)):
        add(f"{block}.conv1.0", w[64], inputs, 7)
        add(f"{block}.conv2.0", w[128], w[64], 5)
        add(f"{block}.conv3.0", w[256], w[128], 5)
        add(f"{block}.conv3_1.0", w[256], 441 + w[32] if block == "flownetc" else w[256], 3)
        for name, before, after in deep:
            add(f"{block}.conv{name}.0", w[after], w[before], 3)
        decoder(block, skips, 6, ups, {})
    add("flownetc.conv_redir.0", w[32], w[256], 1)
    fine = [("1", 64, 64), ("1_1", 64, 128), ("2", 128, 128), ("2_1", 128, 128)]
    for block, inputs in (("flownets_d", 6), ("flownetfusion", 11)):
        add(f"{block}.conv0.0", w[64], inputs, 3)
        for name, before, after in fine:
            add(f"{block}.conv{name}.0", w[after], w[before], 3)
    for name, before, after in [("3", 128, 256), ("3_1", 256, 256), *deep]:
        add(f"flownets_d.conv{name}.0", w[after], w[before], 3)
    decoder("flownets_d", skips, 6, ups, {5: w[512], 4: w[256], 3: w[128], 2: w[64]})
    decoder("flownetfusion", {2: w[128], 1: w[128], 0: w[64]}, 2, {1: w[32], 0: w[16]}, {1: w[32], 0: w[16]})
    return shapes


class Reference:
    """NVIDIA's FlowNet2 as a function of its weights."""

    def __init__(self, state: State) -> None:
        self.state = state

    def conv(self, name: str, x: torch.Tensor, *, stride: int = 1, active: bool = True) -> torch.Tensor:
        weight = self.state[f"{name}.weight"]
        x = functional.conv2d(x, weight, self.state[f"{name}.bias"], stride, weight.shape[2] // 2)
        return functional.leaky_relu(x, 0.1) if active else x

    def up(self, name: str, x: torch.Tensor, *, active: bool) -> torch.Tensor:
        weight, bias = self.state[f"{name}.weight"], self.state.get(f"{name}.bias")
        x = functional.conv_transpose2d(x, weight, bias, stride=2, padding=1)
        return functional.leaky_relu(x, 0.1) if active else x

    def deep(self, block: str, x: torch.Tensor, features: dict[int, torch.Tensor], levels: range) -> None:
        """conv4 to conv6_1, or those of other levels."""
        for level in levels:
            x = self.conv(f"{block}.conv{level}.0", x, stride=2)
            x = features[level] = self.conv(f"{block}.conv{level}_1.0", x)

    def decode(self, block: str, features: dict[int, torch.Tensor]) -> torch.Tensor:
        """The flow of the finest level."""
        coarsest, finest = max(features), min(features)
        x, flow = features[coarsest], torch.empty(0)
        for level in range(coarsest, finest - 1, -1):
            inter = f"{block}.inter_conv{level}.0"
            before = self.conv(inter, x, active=False) if f"{inter}.weight" in self.state else x
            flow = self.conv(f"{block}.predict_flow{level}", before, active=False)
            if level > finest:
                flow_up = self.up(f"{block}.upsampled_flow{level}_to_{level - 1}", flow, active=False)
                x = torch.cat(
                    (features[level - 1], self.up(f"{block}.deconv{level - 1}.0", x, active=True), flow_up), 1
                )
        return flow

    def flownet_c(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        def stem(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            x = self.conv("flownetc.conv1.0", x, stride=2)
            x = self.conv("flownetc.conv2.0", x, stride=2)
            return x, self.conv("flownetc.conv3.0", x, stride=2)

        level2, a = stem(first)
        _, b = stem(second)
        height, width = a.shape[2:]
        wide = functional.pad(b, (20, 20, 20, 20))
        means = [
            (a * wide[:, :, y : y + height, x : x + width]).mean(1, keepdim=True)
            for y, x in itertools.product(range(0, 41, 2), repeat=2)
        ]
        correlation = functional.leaky_relu(torch.cat(means, 1), 0.1)
        x = torch.cat((self.conv("flownetc.conv_redir.0", a), correlation), 1)
        features = {2: level2, 3: self.conv("flownetc.conv3_1.0", x)}
        self.deep("flownetc", features[3], features, range(4, 7))
        return self.decode("flownetc", features)

    def flownet_s(self, block: str, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(f"{block}.conv1.0", x, stride=2)
        features = {2: self.conv(f"{block}.conv2.0", x, stride=2)}
        features[3] = self.conv(f"{block}.conv3_1.0", self.conv(f"{block}.conv3.0", features[2], stride=2))
        self.deep(block, features[3], features, range(4, 7))
        return self.decode(block, features)

    def flownet_sd(self, x: torch.Tensor) -> torch.Tensor:
        features: dict[int, torch.Tensor] = {}
        self.deep("flownets_d", self.conv("flownets_d.conv0.0", x), features, range(1, 7))
        del features[1]
        return self.decode("flownets_d", features)

    def fusion(self, x: torch.Tensor) -> torch.Tensor:
        features = {0: self.conv("flownetfusion.conv0.0", x)}
        self.deep("flownetfusion", features[0], features, range(1, 3))
        return self.decode("flownetfusion", features)

    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """uint8 RGB (N, 3, H, W) -> flow (N, 2, H, W)."""
        pair = torch.stack((first, second), 2).float()  # (N, 3, 2, H, W)
        pair = (pair - pair.flatten(2).mean(2)[..., None, None, None]) / 255
        one, two = pair.unbind(2)
        both = torch.cat((one, two), 1)
        flow2 = self.flownet_c(one, two)
        for block in ("flownets_1", "flownets_2"):
            flow = functional.interpolate(flow2 * 20, scale_factor=4, mode="bilinear")
            warped = warp(two, flow)
            flow2 = self.flownet_s(block, torch.cat((both, warped, flow / 20, norm(one - warped)), 1))
        css = functional.interpolate(flow2 * 20, scale_factor=4, mode="nearest")
        sd = functional.interpolate(self.flownet_sd(both) / 20, scale_factor=4, mode="nearest")
        errors = [norm(one - warp(two, flow)) for flow in (sd, css)]
        return self.fusion(torch.cat((one, sd, css, norm(sd), norm(css), *errors), 1))


def norm(x: torch.Tensor) -> torch.Tensor:
    return x.square().sum(1, keepdim=True).sqrt()


def warp(image: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """Bilinear, from the four neighbours; what lies outside is the nearest pixel inside."""
    height, width = image.shape[2:]
    x = torch.arange(width) + flow[:, 0]
    y = torch.arange(height)[:, None] + flow[:, 1]
    left, top = x.floor(), y.floor()
    result = torch.zeros_like(image)
    for dy, dx in itertools.product((0, 1), (0, 1)):
        weight = (1 - (y - top - dy).abs()) * (1 - (x - left - dx).abs())
        index = (top + dy).clamp(0, height - 1).long() * width + (left + dx).clamp(0, width - 1).long()
        picked = image.flatten(2).gather(2, index.flatten(1)[:, None].expand(-1, 3, -1)).view_as(image)
        result += weight[:, None] * picked
    return result


def random_state(slim: int) -> State:
    """Weights with which activations neither vanish nor grow."""
    return {
        key: torch.randn(shape) * ((2 / torch.tensor(shape[1:]).prod()) ** 0.5 if len(shape) == 4 else 0.1)
        for key, shape in layer_shapes(slim).items()
    }


@pytest.fixture
def slim_config(tmp_path: Path) -> Path:
    """The configuration of the wheel with a sixteenth of the channels."""
    mmflow = importlib.import_module("maskreel.inpaint.openmmlab._bridge").load_package("mmflow")
    base = (
        next(path for path in mmflow.__path__)
        + "/.mim/configs/flownet2/flownet2_8xb1_sfine_flyingthings3d-subset-384x768.py"
    )
    path = tmp_path / "slim.py"
    path.write_text(f"""
_base_ = [{base!r}]
decoder = dict(in_channels=dict(level6=64, level5=66, level4=50, level3=26, level2=14),
               out_channels=dict(level6=32, level5=16, level4=8, level3=4))
flownet_s = dict(encoder=dict(out_channels=(4, 8, 16, 32, 32, 64)), decoder=decoder)
model = dict(
    flownetCSS=dict(
        flownetC=dict(
            encoder=dict(out_channels=(4, 8, 16)),
            corr_encoder=dict(
                in_channels=443, out_channels=(16, 32, 32, 64), redir_in_channels=16, redir_channels=2),
            decoder=decoder),
        flownetS1=flownet_s, flownetS2=flownet_s),
    flownetSD=dict(
        encoder=dict(plugin_channels=4, out_channels=((4, 8), 8, 16, 32, 32, 64)),
        decoder=dict(inter_channels=dict(level5=32, level4=16, level3=8, level2=4), **decoder)),
    flownet_fusion=dict(
        encoder=dict(out_channels=(4, (4, 8), 8)),
        decoder=dict(
            in_channels=dict(level3=8, level2=12, level1=7), out_channels=dict(level3=2, level2=1),
            inter_channels=dict(level2=2, level1=1))))
""")
    return path


@needs_openmmlab
@pytest.mark.parametrize("prefix", ["", "module."])
def test_flow_is_that_of_nvidias_network(slim_config: Path, tmp_path: Path, prefix: str) -> None:
    state = random_state(SLIM)
    path = tmp_path / "FlowNet2_checkpoint.pth.tar"
    torch.save({"epoch": 3, "state_dict": {f"{prefix}{key}": value for key, value in state.items()}}, path)
    frames = torch.randint(0, 256, (2, 2, 3, 64, 128), dtype=torch.uint8)
    found = FlowNet2(path, config=slim_config, device="cpu", batch=2)(*frames)
    with torch.no_grad():
        expected = Reference(state)(*frames)
    assert expected.std() > 0.01
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * expected.std().item())


@needs_openmmlab
def test_every_weight_of_the_published_size_has_its_place() -> None:
    from maskreel.inpaint.openmmlab._configs import build_network, read_config

    state = {key: torch.empty(shape, device="meta") for key, shape in layer_shapes(1).items()}
    assert sum(value.numel() for value in state.values()) == 162_518_834  # as NVIDIA counts them
    name = "flownet2_8xb1_sfine_flyingthings3d-subset-384x768"
    with torch.device("meta"):
        network = build_network("mmflow", read_config("mmflow", name, {}).model)
    shapes = {key: value.shape for key, value in network.state_dict().items()}
    assert {key: value.shape for key, value in to_mmflow(state, source="x").items()} == shapes


def test_other_networks_are_refused() -> None:
    assert not is_nvidia({"flownetCSS.flownetC.encoder.layers.0.layers.0.conv.weight": torch.zeros(1)})
    state = random_state(SLIM)
    assert is_nvidia(state)
    with pytest.raises(
        InputError, match=r"net\.pth is no checkpoint of NVIDIA's FlowNet2: it has flownetc\.bn1\.weight"
    ):
        to_mmflow(state | {"flownetc.bn1.weight": torch.zeros(1)}, source="net.pth")
    del state["flownets_d.predict_flow2.bias"]
    with pytest.raises(InputError, match=r"it lacks flownets_d\.predict_flow2\.bias"):
        to_mmflow(state, source="net.pth")


def test_the_state_handed_in_is_left_as_it_is() -> None:
    state = random_state(SLIM)
    before = {key: value.clone() for key, value in state.items()}
    to_mmflow(state, source="x")
    assert all(torch.equal(state[key], before[key]) for key in before)
