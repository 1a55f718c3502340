"""`recalibrate` and the file of `Reference`: exact pooling, and refusals of what does not belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from maskreel.common.errors import InputError
from maskreel.inversion.statistics import FeatureStatistics, LayerStatistics, Reference, fingerprint, recalibrate
from maskreel.inversion.statistics import _recalibrate as recalibrating

if TYPE_CHECKING:
    from pathlib import Path


class Teacher(nn.Module):
    """A convolution and a norm layer, with the two methods of a teacher."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.body = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5)).eval().requires_grad_(False)

    def norm_layers(self) -> dict[str, nn.Module]:
        return {"norm": self.body[1]}

    def look(self, images: torch.Tensor) -> torch.Tensor:
        return self.body(images)


def same(found: Reference, expected: Reference) -> bool:
    def parts(one: Reference) -> list[Any]:
        return [part for layer in one.layers.values() for part in (layer.mean, layer.variance, layer.spread)]

    return list(found.layers) == list(expected.layers) and all(map(torch.equal, parts(found), parts(expected)))


@pytest.mark.parametrize("sizes", [(10,), (4, 4, 2), (1,) * 10])
def test_pooled_statistics_are_those_of_all_pixels(sizes: tuple[int, ...]) -> None:
    teacher, frames = Teacher(), torch.rand(10, 3, 9, 11) * torch.linspace(0.1, 1, 10).view(-1, 1, 1, 1)
    found = recalibrate(teacher, frames.split(list(sizes)))
    variance, mean = torch.var_mean(teacher.body[0](frames).double(), (0, 2, 3), correction=0)
    torch.testing.assert_close(found.layers["norm"].mean, mean.float(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.layers["norm"].variance, variance.float(), rtol=1e-5, atol=1e-7)
    assert found.frames == 10


def test_spread_makes_a_single_frame_about_one_and_noise_more() -> None:
    teacher, frames = Teacher(), torch.rand(40, 3, 12, 12) * torch.rand(40, 3, 1, 1)
    reference = recalibrate(teacher, frames.split(8))
    with FeatureStatistics(teacher.norm_layers(), reference=reference) as monitor:
        squares = [(teacher.look(frame[None]), float(monitor.loss()) ** 2)[1] for frame in frames]
    assert sum(squares) / len(squares) == pytest.approx(1, rel=1e-3)


def test_the_sample_for_the_spread_is_even(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recalibrating, "SAMPLE", 4)
    pool = recalibrating._Pool()
    for value in range(23):
        pool.add(torch.full((1, 1), float(value)).double(), torch.ones(1, 1).double())
    assert [float(mean) for mean, _ in pool.sample] == [0, 8, 16]


def test_the_teacher_does_not_change() -> None:
    teacher = Teacher()
    before = fingerprint(teacher)
    recalibrate(teacher, [torch.rand(2, 3, 8, 8)])
    assert fingerprint(teacher) == before
    assert not teacher.body[1]._forward_pre_hooks


def test_networks_without_batch_norm_can_be_measured_at_other_layers() -> None:
    teacher = Teacher()
    layers = {"input": teacher.body[0]}
    reference = recalibrate(teacher, [torch.rand(4, 3, 8, 8)], layers=layers)
    with FeatureStatistics(layers, reference=reference) as monitor:
        teacher.look(torch.zeros(2, 3, 8, 8))
        assert float(monitor.loss()) > 5


def test_nothing_to_measure() -> None:
    with pytest.raises(ValueError, match="at least one frame, got none"):
        recalibrate(Teacher(), [])
    with pytest.raises(ValueError, match="at least one layer to measure, got none"):
        recalibrate(Teacher(), [torch.rand(1, 3, 8, 8)], layers={})


def test_file_there_and_back(tmp_path: Path) -> None:
    teacher, path = Teacher(), tmp_path / "new" / "statistics.safetensors"
    reference = recalibrate(teacher, [torch.rand(3, 3, 8, 8)])
    reference.save(path)
    found = Reference.load(path, teacher)
    assert same(found, reference)
    assert (found.frames, found.fingerprint) == (3, fingerprint(teacher))


def test_order_of_layers_survives(tmp_path: Path) -> None:
    one = LayerStatistics(torch.zeros(2), torch.ones(2))
    Reference({"b": one, "a": one}, 1, "x").save(tmp_path / "s.safetensors")
    assert list(Reference.load(tmp_path / "s.safetensors").layers) == ["b", "a"]


def test_the_file_of_another_teacher_is_refused(tmp_path: Path) -> None:
    recalibrate(Teacher(0), [torch.rand(1, 3, 8, 8)]).save(tmp_path / "s.safetensors")
    with pytest.raises(InputError, match=r"another teacher: its weights have the fingerprint [0-9a-f]{12}"):
        Reference.load(tmp_path / "s.safetensors", Teacher(1))


def test_fingerprint_sees_weights_and_statistics_but_not_wrappers() -> None:
    teacher = Teacher()
    first = fingerprint(teacher)
    assert fingerprint(nn.ModuleDict({"inside": teacher})) == first
    teacher.body[1].get_buffer("running_var")[2] += 1e-3
    assert fingerprint(teacher) != first


def test_names_and_shapes_are_checked() -> None:
    reference = Reference({"norm": LayerStatistics(torch.zeros(5), torch.ones(5))}, 1, "")
    with pytest.raises(ValueError, match="no statistics of other; it has norm"):
        FeatureStatistics({"other": nn.BatchNorm2d(5)}, reference=reference)
    with pytest.raises(ValueError, match="has 5 channels for layer norm, which has 6"):
        FeatureStatistics({"norm": nn.BatchNorm2d(6)}, reference=reference)


def test_identity_statistics_do_not_matter_with_a_reference() -> None:
    teacher = Teacher()
    with pytest.raises(ValueError, match="statistics of a new layer"):
        FeatureStatistics(teacher.norm_layers())
    reference = recalibrate(teacher, [torch.rand(4, 3, 8, 8)])
    assert list(FeatureStatistics(teacher.norm_layers(), reference=reference).layers) == ["norm"]


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.safetensors"
    with pytest.raises(InputError, match=r"s\.safetensors is not a file"):
        Reference.load(path)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a readable safetensors file"):
        Reference.load(path)
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(InputError, match="holds no feature statistics"):
        Reference.load(path)
    with pytest.raises(ValueError, match=r"must end in \.safetensors"):
        Reference({}, 1, "").save(tmp_path / "s.pt")


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"a:mean": torch.zeros(2)}, "not whole: mean or variance of a is missing"),
        ({"a:mean": torch.zeros(2), "a:variance": torch.ones(3)}, "damaged: a must have finite vectors"),
        ({"a:mean": torch.zeros(2), "a:variance": torch.full((2,), torch.nan)}, "damaged: a must have finite vectors"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, tensors: dict[str, torch.Tensor], message: str) -> None:
    about = {"kind": "maskreel feature statistics 1", "frames": "1", "fingerprint": "", "layers": '["a"]'}
    save_file(tensors, tmp_path / "s.safetensors", metadata=about)
    with pytest.raises(InputError, match=message):
        Reference.load(tmp_path / "s.safetensors")
