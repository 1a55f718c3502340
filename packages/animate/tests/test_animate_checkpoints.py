"""Reference checkpoints: the same pictures after import, the same file after export, nothing run from a file."""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskreel.animate.checkpoints import export_checkpoint, import_checkpoint, unused_parameters
from maskreel.animate.checkpoints._names import places
from maskreel.animate.model import AnimationModel, ModelConfig
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

SMALL = ModelConfig(
    size=32, factor=4, depth=3, mask_width=4, refiner_width=6, low_width=8, low_blocks=2, high_width=4, widest=24
)


class Block(nn.Module):
    """Convolution, batch norm, ReLU under the reference's names; what comes before or after is the caller's."""

    def __init__(self, inner: int, outer: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inner, outer, kernel, padding=kernel // 2)
        self.norm = nn.BatchNorm2d(outer)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.norm1, self.norm2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(F.relu(self.norm2(self.conv1(F.relu(self.norm1(x)))))) + x


class Hourglass(nn.Module):
    def __init__(self, width: int, channels: int, config: ModelConfig, *, skips: bool) -> None:
        super().__init__()
        self.skips, depth = skips, config.depth
        sizes = [channels] + [min(config.widest, width * 2**k) for k in range(1, depth + 1)]
        ups = [min(config.widest, width * 2**k) for k in range(depth)]
        self.encoder, self.decoder = nn.Module(), nn.Module()
        self.encoder.down_blocks = nn.ModuleList(Block(sizes[k], sizes[k + 1]) for k in range(depth))
        self.decoder.up_blocks = nn.ModuleList(
            Block(sizes[k + 1] * (2 if skips and k < depth - 1 else 1), ups[k]) for k in reversed(range(depth))
        )

    def forward(self, x: Tensor) -> Tensor:
        kept = [x]
        for block in self.encoder.down_blocks:  # pyright: ignore[reportGeneralTypeIssues]
            kept.append(F.avg_pool2d(block(kept[-1]), 2))
        x = kept.pop()
        for block in self.decoder.up_blocks:  # pyright: ignore[reportGeneralTypeIssues]
            x = block(F.interpolate(x, scale_factor=2))
            x = torch.cat([x, kept.pop()], dim=1) if self.skips else x
        return x


class Low(nn.Module):
    """L, also as BGBase, with the halvings that are never called."""

    def __init__(self, channels: int, config: ModelConfig) -> None:
        super().__init__()
        width = config.low_width
        self.first = Block(channels, width, 7)
        self.down_blocks = nn.ModuleList([Block(width // 4, width // 2), Block(width // 2, width)])
        self.up_blocks = nn.ModuleList([Block(width, width // 2), Block(width // 2, width // 4)])
        self.bottleneck = nn.Sequential(OrderedDict((f"r{k}", Residual(width)) for k in range(config.low_blocks)))
        self.final = nn.Conv2d(width // 4, 3, 7, padding=3)

    def low(self, x: Tensor) -> Tensor:
        x = self.bottleneck(self.first(x))
        for block in self.up_blocks:
            x = block(F.interpolate(x, scale_factor=2))
        return torch.sigmoid(self.final(x))


class Generator(Low):
    """L, H and r."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(5, config)
        self.hourglass = Hourglass(config.high_width, 8, config, skips=True)
        self.final_hourglass = nn.Conv2d(config.high_width + 8, 3, 7, padding=3)
        self.mask_fix_net = Hourglass(config.refiner_width, 5, config, skips=False)
        self.ref = nn.Conv2d(config.refiner_width, 1, 7, padding=3)

    def high(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.final_hourglass(self.hourglass(x)))

    def fix(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.ref(self.mask_fix_net(x)) / 0.1)


class Refiner(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.hourglass = Hourglass(config.high_width, 11, config, skips=True)
        self.final_hourglass = nn.Conv2d(config.high_width + 11, 3, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.final_hourglass(self.hourglass(x)))


class Masks(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.predictor = Hourglass(config.mask_width, 3, config, skips=False)
        self.ref = nn.Conv2d(config.mask_width, 1, 7)
        self.down = nn.Module()
        grid = torch.arange(13.0) - 6
        kernel = torch.exp(-(grid[:, None] ** 2 + grid**2) / (2 * 1.5**2))
        self.down.register_buffer("weight", (kernel / kernel.sum()).repeat(3, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        small = F.conv2d(F.pad(x, (6, 6, 6, 6)), self.down.weight, groups=3)[..., ::4, ::4]  # pyright: ignore[reportArgumentType, reportCallIssue]
        return F.pad(torch.sigmoid(self.ref(self.predictor(small)) / 0.1), (3, 3, 3, 3))


class Reference:
    """The reference's networks by the entries of its checkpoints."""

    def __init__(self, config: ModelConfig) -> None:
        self.generator, self.mask_generator = Generator(config), Masks(config)
        self.bg_generator, self.bg_refiner = Low(8, config), Refiner(config)

    def parts(self) -> dict[str, nn.Module]:
        return {name: part.eval() for name, part in vars(self).items()}

    def states(self) -> dict[str, dict[str, Tensor]]:
        return {name: part.state_dict() for name, part in self.parts().items()}

    def shake(self) -> Reference:
        """Every parameter and statistic is something else than it begins with, and no activation is constant."""
        for part in self.parts().values():
            for name, value in part.named_parameters():
                value.data.add_(0.2 * torch.randn_like(value))
                if name.startswith("ref."):
                    value.data.mul_(0.1)  # masks are not saturated
            for layer in part.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.momentum = 0.9
        images, eight = torch.rand(4, 3, 64, 64), torch.rand(4, 8, 64, 64)
        with torch.no_grad():
            for _ in range(3):
                self.mask_generator.train()(images)
                self.generator.train().low(eight[:, :5, :16, :16])
                self.generator.fix(eight[:, :5, :16, :16])
                self.generator.high(eight)
                self.bg_generator.train().low(eight[..., :16, :16])
                self.bg_refiner.train()(torch.cat([eight, images], dim=1))
        return self


@pytest.fixture
def reference() -> Reference:
    return Reference(SMALL).shake()


def saved(reference: Reference, path: Path, **changes: Any) -> Path:
    adam = {
        "state": {0: {"step": 9, "exp_avg": torch.zeros(2)}},
        "param_groups": [{"lr": 2e-4, "betas": (0.5, 0.999), "params": [0]}],
    }
    content = {**reference.states(), "optimizer_generator": adam, "epoch": 12} | changes
    torch.save({name: part for name, part in content.items() if part is not None}, path)
    return path


def same(state: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert state.keys() == other.keys()
    for name in state:
        tolerance = 1e-8 if name == "down.weight" else 0
        torch.testing.assert_close(other[name], state[name], rtol=0, atol=tolerance, msg=name)


def alive(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if not name.startswith("down_blocks.")}


def binary(masks: Tensor) -> Tensor:
    return (255 * masks > 60).float()


def enlarged(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=4, mode="bilinear", align_corners=False)


def shrunk(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=0.25, mode="bilinear", align_corners=False)


@torch.no_grad()
def test_same_pictures_after_import(reference: Reference, tmp_path: Path) -> None:
    """In float64: channels in another order are rounded differently."""
    model = import_checkpoint(saved(reference, tmp_path / "00000012-checkpoint.pth.tar"), size=32)
    assert model.config == SMALL
    assert not model.training
    model.double()
    for part in reference.parts().values():
        part.double()
    source, driving, third = torch.rand(3, 2, 3, 64, 64, dtype=torch.float64)
    theirs, m_source, m_driving = (
        reference.generator,
        reference.mask_generator(source),
        reference.mask_generator(driving),
    )
    torch.testing.assert_close(model.masks(source), m_source, rtol=0, atol=1e-6)
    ours = model.source(source, m_source)
    perturbed = torch.rand(2, 1, 16, 16, dtype=torch.float64)
    fixed = theirs.fix(torch.cat([shrunk(source), m_source, perturbed], dim=1))
    torch.testing.assert_close(model.refined(ours, perturbed, perturbed=True), fixed, rtol=0, atol=1e-6)
    low = theirs.low(torch.cat([shrunk(source), m_source, m_driving], dim=1))
    high = theirs.high(torch.cat([source, enlarged(m_source), low, enlarged(m_driving)], dim=1))
    for mine, their in zip(model.pictures(ours, m_driving), (low, high), strict=True):
        torch.testing.assert_close(mine, their, rtol=0, atol=1e-6)
    for made in (m_source, fixed, low, high):
        assert (made[0] - made[1]).abs().max() > 1e-3, "a reference that ignores its input would compare nothing"
    m_third = reference.mask_generator(third)
    small = [binary(m_third), binary(m_driving)]
    large = [binary(enlarged(m_third)), binary(enlarged(m_driving))]
    base = reference.bg_generator.low(
        torch.cat([*small, shrunk(third) * (1 - small[0]), shrunk(high) * small[1]], dim=1)
    )
    out = reference.bg_refiner(torch.cat([*large, third * (1 - large[0]), high * large[1], base], dim=1))
    assert (base[0] - base[1]).abs().max() > 1e-3
    for mine, their in zip(model.swapped(high, m_driving, third, m_third), (base, out), strict=True):
        torch.testing.assert_close(mine, their, rtol=0, atol=1e-6)


def test_same_file_after_export(reference: Reference, tmp_path: Path) -> None:
    model = import_checkpoint(saved(reference, tmp_path / "in.pth.tar"), size=32)
    export_checkpoint(model, tmp_path / "out.pth.tar", epoch=3)
    written = torch.load(tmp_path / "out.pth.tar", weights_only=True)
    assert written.pop("epoch") == 3
    assert written.keys() == reference.states().keys()
    for entry, state in reference.states().items():
        same(alive(state), alive(written[entry]))
    fresh = Reference(SMALL)
    for entry, part in fresh.parts().items():
        part.load_state_dict(written[entry], strict=True)


def test_same_model_after_export_and_import(tmp_path: Path) -> None:
    model = AnimationModel(SMALL).half()
    export_checkpoint(model, tmp_path / "out.pth.tar")
    back = import_checkpoint(tmp_path / "out.pth.tar", size=32)
    same(dict(model.state_dict()), dict(back.half().state_dict()))


def test_other_sizes(tmp_path: Path) -> None:
    config = replace(SMALL, factor=2, low_width=16, refiner_depth=2, high_depth=2, threshold=100 / 255)
    model = AnimationModel(config)
    export_checkpoint(model, tmp_path / "out.pth.tar")
    back = import_checkpoint(tmp_path / "out.pth.tar", size=32, threshold=100 / 255)
    assert back.config == config
    same(dict(model.state_dict()), dict(back.state_dict()))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"low_dilation": 2}, "must have low_dilation 1, as the reference has, got 2"),
        ({"mask_skips": True}, "must have no mask_skips, as the reference has none"),
    ],
)
def test_what_the_reference_does_not_know_is_not_exported(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    model = AnimationModel(replace(SMALL, **change))
    with pytest.raises(ValueError, match=told):
        export_checkpoint(model, tmp_path / "out.pth.tar")
    assert not list(tmp_path.iterdir())


def test_published_names_and_shapes() -> None:
    with torch.device("meta"):
        theirs, ours = Reference(ModelConfig()).states(), AnimationModel(ModelConfig()).state_dict()
    found = places(ModelConfig())
    mine: dict[str, dict[str, tuple[int, ...]]] = {entry: {} for entry in theirs}
    for key, value in ours.items():
        layer, _, leaf = key.rpartition(".")
        mine[found[layer].entry][f"{found[layer].layer}.{leaf}"] = tuple(value.shape)
    for entry, state in theirs.items():
        expected = {name: tuple(value.shape) for name, value in alive(state).items() if name != "down.weight"}
        assert mine[entry] == expected
    assert theirs["mask_generator"]["down.weight"].shape == (3, 1, 13, 13)
    assert theirs["generator"]["ref.weight"].shape == (1, 64, 7, 7)
    assert theirs["generator"]["final_hourglass.weight"].shape == (3, 72, 7, 7)
    assert theirs["bg_generator"]["first.conv.weight"].shape == (256, 8, 7, 7)
    assert theirs["bg_refiner"]["final_hourglass.weight"].shape == (3, 75, 7, 7)


def test_unused_parameters_are_counted_apart() -> None:
    assert unused_parameters(ModelConfig()) == 369_792
    with torch.device("meta"):
        unused = Low(5, ModelConfig()).down_blocks
    assert sum(value.numel() for value in unused.parameters()) == 369_792


def test_prefix_old_format_and_missing_counters(reference: Reference, tmp_path: Path) -> None:
    plain = import_checkpoint(saved(reference, tmp_path / "plain.pth.tar"), size=32).state_dict()
    old = {
        entry: {f"module.{name}": value for name, value in state.items() if not name.endswith("num_batches_tracked")}
        for entry, state in reference.states().items()
    }
    torch.save(old, tmp_path / "old.pth.tar", _use_new_zipfile_serialization=False)
    model = import_checkpoint(tmp_path / "old.pth.tar", size=32)
    counted = {name for name in plain if name.endswith("num_batches_tracked")}
    same(
        {name: value for name, value in plain.items() if name not in counted},
        {name: value for name, value in model.state_dict().items() if name not in counted},
    )


def test_without_the_background_swap(reference: Reference, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = saved(reference, tmp_path / "pm.pth.tar", bg_generator=None, bg_refiner=None)
    with pytest.raises(InputError, match=r"no entry 'bg_generator'.*can be read with swap=False"):
        import_checkpoint(path, size=32)
    model = import_checkpoint(path, swap=False, size=32)
    assert "BGBase and BGRefine are untrained" in caplog.text
    assert torch.equal(model.low_resolution[0][0].weight, reference.generator.first.conv.weight)  # pyright: ignore[reportIndexIssue]


def test_other_networks_are_refused(reference: Reference, tmp_path: Path) -> None:
    states = reference.states()
    path = tmp_path / "x.pth.tar"

    def load(message: str, entry: str, state: dict[str, Tensor]) -> None:
        torch.save({**states, entry: state}, path)
        with pytest.raises(InputError, match=message):
            import_checkpoint(path, size=32)

    generator, masks, refiner = states["generator"], states["mask_generator"], states["bg_refiner"]
    load("lacks the tensor 'first.conv.weight'", "generator", {"ref.weight": generator["ref.weight"]})
    load("has too few axes", "generator", generator | {"ref.weight": torch.zeros(3)})
    load(r"must be the Gaussian .* \(3x1x13x13\)", "mask_generator", masks | {"down.weight": torch.zeros(3, 1, 13, 13)})
    load("1 unexpected: bg_refiner: attention", "bg_refiner", refiner | {"attention.weight": torch.zeros(1)})
    load(
        "1 of another shape: bg_refine.head.weight",
        "bg_refiner",
        refiner | {"final_hourglass.weight": torch.zeros(3, 9, 7, 7)},
    )
    load("mixes names in its entry 'bg_refiner'", "bg_refiner", refiner | {"module.x": torch.zeros(1)})
    torch.save(states, path)
    with pytest.raises(InputError, match="sizes that are not supported: size must be a multiple of 32"):
        import_checkpoint(path, size=48)


class Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


def test_code_in_a_file_is_not_run(reference: Reference, tmp_path: Path) -> None:
    path = saved(reference, tmp_path / "bomb.pth.tar", log=Bomb(tmp_path / "exploded"))
    with pytest.raises(InputError, match=r"is refused: it asks for \S*mkdir"):
        import_checkpoint(path, size=32)
    assert not (tmp_path / "exploded").exists()
    torch.load(path, weights_only=False)
    assert (tmp_path / "exploded").exists(), "the bomb must be one"


def test_broken_files(tmp_path: Path) -> None:
    (tmp_path / "cut.pth.tar").write_bytes(b"PK\x03\x04 nothing more")
    with pytest.raises(InputError, match="not a readable PyTorch checkpoint; it may be cut short"):
        import_checkpoint(tmp_path / "cut.pth.tar")
    with pytest.raises(FileNotFoundError):
        import_checkpoint(tmp_path / "none.pth.tar")
