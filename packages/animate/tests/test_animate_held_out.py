"""What a training is watched by: means over all pairs by hand, the sheet, warnings of collapse."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskreel.animate.model import AnimationModel, ModelConfig
from maskreel.animate.training.held_out import HeldOutPairs

SMALL = ModelConfig(
    size=32, factor=2, depth=2, mask_width=4, refiner_width=4, low_width=8, low_blocks=1, high_width=4, widest=16
)


@pytest.fixture
def model() -> AnimationModel:
    """Masks with grey values: a fresh head is much too sure."""
    model = AnimationModel(SMALL).eval().requires_grad_(False)
    for network in (model.mask_generator, model.mask_refiner):
        network.head.weight.sub_(network.head.weight.mean())
        network.head.bias.zero_()  # pyright: ignore[reportOptionalMemberAccess]
    return model


def batch(count: int, *, truth: bool = True) -> dict[str, Tensor]:
    target = torch.rand(count, 3, 32, 32)
    made = {"source": torch.rand(count, 3, 32, 32), "target": target, "driving": target}
    return made | ({name: torch.rand(count, 1, 16, 16) for name in ("source_mask", "driving_mask")} if truth else {})


@torch.no_grad()
def test_means_over_all_pairs(model: AnimationModel) -> None:
    """Batches of 3 and 1: the mean over the 4 pairs, each computed alone."""
    batches = [batch(3), batch(1)]
    found = HeldOutPairs(batches).measure(model)
    rows: list[dict[str, float]] = []
    for many in batches:
        for number in range(len(many["source"])):
            one = {name: part[number : number + 1] for name, part in many.items()}
            source, mask = model.source(one["source"]), model.masks(one["driving"])
            refined, true = model.refined(source, mask), one["driving_mask"] > 0.5
            bits = [-(p * p.log2() + (1 - p) * (1 - p).log2()) for p in [mask.double().clamp(1e-6, 1 - 1e-6)]]
            swap = model.swapped(one["target"], mask, one["source"], source.mask)[1]
            row = {
                "l1": (model.pictures(source, mask)[1] - one["target"]).abs().mean(),
                "l1_refined": (model.pictures(source, refined)[1] - one["target"]).abs().mean(),
                "l1_copy": (one["source"] - one["target"]).abs().mean(),
                "l1_swap": (swap - one["target"]).abs().mean(),
                "area": mask.mean(),
                "entropy": bits[0].mean(),
                "motion": (source.mask - mask).abs().mean(),
                "iou": ((mask > 0.5) & true).sum() / ((mask > 0.5) | true).sum(),
                "iou_refined": ((refined > 0.5) & true).sum() / ((refined > 0.5) | true).sum(),
            }
            rows.append({name: float(value) for name, value in row.items()})
    assert found.keys() == rows[0].keys()
    for name, value in found.items():
        assert value == pytest.approx(sum(row[name] for row in rows) / 4, abs=1e-5), name
    assert found["l1"] != pytest.approx(found["l1_refined"], abs=1e-6)


def test_without_true_masks(model: AnimationModel) -> None:
    assert not {"iou", "iou_refined"} & HeldOutPairs([batch(1, truth=False)]).measure(model).keys()


def _red(pictures: Tensor) -> Tensor:
    return F.avg_pool2d(pictures[:, :1], 2)


def test_with_twins(model: AnimationModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """r's masks and pictures from the masks of another picture than the driving frame."""
    monkeypatch.setattr(model.mask_generator, "forward", _red)  # a fresh one hardly looks at pictures
    one, twin = batch(2), torch.zeros(2, 3, 32, 32)
    found = HeldOutPairs([one | {"twin": twin}]).measure(model)
    source = model.source(one["source"])
    refined, true = model.refined(source, model.masks(twin)), one["driving_mask"] > 0.5
    iou = ((refined > 0.5) & true).sum((1, 2, 3)) / ((refined > 0.5) | true).sum((1, 2, 3))
    assert found["iou_crossed"] == pytest.approx(float(iou.mean()))
    l1 = (model.pictures(source, refined)[1] - one["target"]).abs().mean()
    assert found["l1_crossed"] == pytest.approx(float(l1), abs=1e-6)
    assert found["l1_crossed"] != pytest.approx(found["l1_refined"], abs=1e-6)


def test_sheet(model: AnimationModel) -> None:
    """A row of seven for each of at most six pairs; the first two columns are the given pictures."""
    many = batch(8)
    sheet = HeldOutPairs([many]).sheet(model)
    assert sheet.dtype == torch.uint8
    gap = (sheet.shape[2] - 7 * 32) // 6
    assert sheet.shape[0] == 3
    assert sheet.shape[1] < 7 * 32 + 8 * gap, "six rows"
    source = (many["source"] * 255).round().byte()
    found = [
        (row, column)
        for row in range(sheet.shape[1] - 31)
        for column in range(40)
        if torch.equal(sheet[:, row : row + 32, column : column + 32], source[0])
    ]
    assert len(found) == 1
    row, column = found[0]
    driving = sheet[:, row : row + 32]
    starts = [
        at
        for at in range(column + 32, 120)
        if torch.equal(driving[..., at : at + 32], (many["driving"][0] * 255).round().byte())
    ]
    assert len(starts) == 1


class Bright(nn.Module):
    """Masks of what is bright: `low` where it is dark and `high` where it is bright."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high

    def forward(self, images: Tensor) -> Tensor:
        bright = F.avg_pool2d(images.mean(dim=1, keepdim=True), 2) > 0.5
        return torch.where(bright, self.high, self.low)


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        (0.9, 1.0, "% of the picture: they have collapsed"),
        (0.0, 0.01, "the masks hold 0.5 % of the picture: they have collapsed"),
        (0.3, 0.3, "the masks of two frames of a clip do not differ: they have collapsed"),
        (0.4, 0.6, "the masks decide nothing: they have collapsed"),
        (float("nan"), 1.0, "the masks hold nan %"),
        (0.05, 0.95, None),
    ],
)
def test_collapse_is_told(
    model: AnimationModel, low: float, high: float, message: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    model.mask_generator = Bright(low, high)  # pyright: ignore[reportAttributeAccessIssue]
    HeldOutPairs([batch(2)]).measure(model)
    assert bool(caplog.records) == (message is not None)
    assert (message or "") in caplog.text


def test_one_process_of_several_tells_of_collapse(model: AnimationModel, caplog: pytest.LogCaptureFixture) -> None:
    model.mask_generator = Bright(0.9, 1.0)  # pyright: ignore[reportAttributeAccessIssue]
    assert HeldOutPairs([batch(2)], warns=False).measure(model)["area"] > 0.8
    assert not caplog.records


def test_no_batches() -> None:
    with pytest.raises(ValueError, match="batches must be one or more, got none"):
        HeldOutPairs([])
