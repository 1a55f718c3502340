"""The small flow completion network and its parts."""

import numpy as np
import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.common.weights import save_half
from maskreel.inpaint.dfc import Cascade, dfc_completer, load_cascade, save_cascade, stage1_input, window
from maskreel.inpaint.dfc._dominant_motion import carried, dominant_motion, motion_field
from maskreel.inpaint.dfc._smooth_fill import smooth_fill
from maskreel.inpaint.dfc.small import SmallStage, _places, _repeated
from maskreel.inpaint.flow.completer import FlowPair
from maskreel.inpaint.flow.completion import BackgroundMotion, complete_flow
from maskreel.inpaint.painting.harmonic import harmonic_fill


def _awake(stage, seed=0):
    """A stage whose last layers say something."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in stage.parameters():
        if not parameter.any():
            parameter.data = 0.05 * torch.randn(parameter.shape, generator=generator)
    return stage.eval()


def test_a_new_network_leaves_what_it_is_given():
    for channels_in, channels_out in ((33, 2), (66, 4)):
        x = torch.randn(2, channels_in, 24, 40)
        centre = x.view(2, -1, 11, 3, 24, 40)[:, :, 5, :2].flatten(1, 2)
        assert torch.equal(SmallStage(channels_in, channels_out)(x), centre)


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (37, 61)])
def test_any_size_goes_through(size):
    stage = _awake(SmallStage())
    x = torch.randn(1, 33, *size)
    found = stage(x)
    assert found.shape == (1, 2, *size)
    assert found.isfinite().all()


def test_the_weights_fit_into_the_package():
    stages = SmallStage(33, 2), SmallStage(66, 4), SmallStage(66, 4)
    assert 2 * sum(parameter.numel() for stage in stages for parameter in stage.parameters()) < 10e6


def test_answers_grow_with_the_motion():
    """Everything is relative: with ten times the motion (and none that all share, which would align the window in
    another way) the answer is ten times as large."""
    generator = torch.Generator().manual_seed(0)
    x = torch.zeros(1, 33, 24, 40)
    x[:, :, 14:20, 22:32] = 20 * torch.randn(1, 33, 6, 10, generator=generator)
    x[:, 2::3] = 0
    x[:, 17, 12:18, 20:28] = 1
    larger = x.clone()
    for k in range(11):
        larger[:, 3 * k : 3 * k + 2] *= 10
    stage = _awake(SmallStage(cells=None))
    small, large = stage(x) - x[:, 15:17], stage(larger) - larger[:, 15:17]
    assert small.abs().max() > 0.01
    assert 8 < large.abs().mean() / small.abs().mean() < 12.5


def test_the_grid_has_about_the_cells_that_are_asked_for():
    stage = SmallStage(cells=1620)
    assert stage._grid(240, 432) == (30, 54)
    assert stage._grid(1080, 1920) == (30, 54)
    assert stage._grid(20, 30) == (10, 15)  # cells are at least 2 px wide
    assert SmallStage(cells=None)._grid(20, 30) == (20, 30)


def test_bad_shapes_are_refused():
    with pytest.raises(ValueError, match="must be 33 and 2 or 66 and 4, got 33, 4"):
        SmallStage(33, 4)
    with pytest.raises(ValueError, match="cells must be None or 1 or more, got 0"):
        SmallStage(cells=0)


def test_the_dominant_motion_is_found_beside_another():
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(3, 8, generator=generator)
    flow = motion_field(truth, (40, 72))
    flow[:, :, 10:30, 20:45] += 5
    assert torch.allclose(dominant_motion(flow), truth, atol=1e-3)


def test_motion_fields_are_those_of_the_background_model():
    parameters = np.arange(8) / 4 - 1
    field = motion_field(torch.tensor(parameters, dtype=torch.float32)[None], (20, 30))[0].permute(1, 2, 0)
    assert np.allclose(field, BackgroundMotion(parameters, 0).field((20, 30)), atol=1e-5)


def test_points_are_carried_by_the_motion_at_their_place():
    parameters = torch.randn(1, 8)
    places = torch.tensor([[3.0, 7.0], [2.0, 11.0]]).view(1, 2, 1, 2)  # (x, y) = (3, 2) and (7, 11)
    field = motion_field(parameters, (20, 30))
    moved = carried(parameters, places, (20, 30))
    for i, (x, y) in enumerate(((3, 2), (7, 11))):
        assert torch.allclose(moved[0, :, 0, i], torch.tensor([x, y]) + field[0, :, y, x], atol=1e-5)


def test_smooth_fill_is_nearly_harmonic():
    y, x = np.mgrid[:40, :72].astype(np.float32)
    values = np.stack([0.1 * x + 0.05 * y, np.sin(x / 15)], -1).astype(np.float32)
    hole = np.zeros((40, 72), bool)
    hole[10:30, 20:50] = True
    exact = harmonic_fill(values, hole, sweeps=200)
    found = smooth_fill(torch.from_numpy(values).permute(2, 0, 1)[None], torch.from_numpy(~hole)[None, None].float())
    found = found[0].permute(1, 2, 0).numpy()
    assert np.array_equal(found[~hole], values[~hole])
    assert np.abs(found - exact).max() < 0.12
    assert not smooth_fill(torch.ones(1, 2, 8, 9), torch.zeros(1, 1, 8, 9)).any()


def _motions(shift):
    motions = torch.zeros(1, 1, 11, 8)
    motions[..., 0] = shift
    return motions


def test_windows_are_aligned_along_the_motion():
    """All moves 2 to the right per frame: what is at x now is at x + 2 k in k frames, and was at x - 2 k."""
    places = _places(_motions(2.0), torch.zeros(1, 1, 10, 1, 1, 1, dtype=torch.bool), (4, 6))
    for k in range(11):
        assert torch.allclose(places[0, 0, k, 0, 0], torch.arange(6) + 2.0 * (k - 5))
        assert torch.allclose(places[0, 0, k, 1, :, 0], torch.arange(4.0))


def test_repeated_flows_lie_at_the_same_place():
    flows = torch.randn(1, 1, 11, 2, 4, 6)
    flows[:, :, 8:] = flows[:, :, 8:9]
    repeated = _repeated(flows)
    assert repeated.flatten().tolist() == [False] * 8 + [True] * 2
    places = _places(_motions(2.0), repeated, (4, 6))
    assert torch.equal(places[0, 0, 8], places[0, 0, 10])


def test_backward_windows_align_as_those_of_the_reversed_video():
    """A pan seen backward in time is a pan the other way: a window of backward flows, reversed, gives the same."""
    stage = _awake(SmallStage(cells=None))
    generator = torch.Generator().manual_seed(1)
    forward = torch.randn(1, 13, 2, 24, 40, generator=generator)
    masks = (torch.rand(1, 13, 1, 24, 40, generator=generator) < 0.2).float()
    around = window(6, 13)
    there = stage(stage1_input(forward[:, around], masks[:, around]))
    # The reversed video has these flows as its backward flows, in the other order.
    backward, backward_masks = forward.flip(1), masks.flip(1)
    cascade = Cascade(stage, fractions=(1.0,))
    back = cascade(torch.zeros_like(backward), backward, backward_masks, sizes=[(24, 40)], keep=[6])[-1].backward[:, 0]
    hole = backward_masks[0, 6, 0] > 0
    assert torch.allclose(back[0][:, hole], there[0][:, hole], atol=1e-5)


def test_weights_are_written_and_read(tmp_path):
    cascade = Cascade(_awake(SmallStage(cells=500)), _awake(SmallStage(66, 4, cells=500)), fractions=(1.0, 1.0))
    path = tmp_path / "cascade.safetensors"
    save_cascade(path, cascade, network="small")
    found = load_cascade(path)
    assert [stage.cells for stage in found.stages] == [500, 500]
    x = torch.randn(1, 66, 24, 40)
    assert torch.allclose(found.stages[1](x), cascade.stages[1](x), atol=0.05)
    assert path.name in repr(dfc_completer(path))


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.safetensors: there is no such file"):
        load_cascade(tmp_path / "none.safetensors")
    path = tmp_path / "other.safetensors"
    save_half(path, torch.nn.ModuleDict({"stage2": torch.nn.Linear(2, 2)}), {})
    with pytest.raises(InputError, match=r"other\.safetensors holds stage2, expected stages 1 to 3"):
        load_cascade(path)


def test_the_completer_starts_from_the_background(tmp_path):
    """An untrained network gives just what `complete_flow` gives."""
    path = tmp_path / "new.safetensors"
    save_half(path, Cascade(SmallStage(), fractions=(1.0,)), {"cells": 1620})
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:40, :64].astype(np.float32)
    region = np.zeros((40, 64), bool)
    region[10:25, 20:40] = True
    flows = [np.stack([1 + 0.01 * x, 0.02 * y], -1) + rng.normal(0, 0.05, (40, 64, 2)) for _ in range(3)]
    pairs = [FlowPair(flow.astype(np.float32), -flow.astype(np.float32), region) for flow in flows]
    found = list(dfc_completer(path, device="cpu")(iter(pairs)))
    assert len(found) == 3
    for pair, result in zip(pairs, found, strict=True):
        assert np.allclose(result.forward, complete_flow(pair.forward, region), atol=1e-5)
        assert np.allclose(result.backward, complete_flow(pair.backward, region), atol=1e-5)


def test_the_shipped_weights_take_the_leak_of_a_lecturer_out():
    """On a lecture that no training saw, the error in the hole is far below that of the background's motion alone."""
    from maskreel.inpaint.dfc_training.material import world_material
    from maskreel.inpaint.dfc_training.prepare import prepared
    from maskreel.inpaint.flow.estimation import DISFlow

    material = world_material(5_000_004, size=(240, 432), frames=3)
    clip = prepared(material, np.random.default_rng(0), estimator=DISFlow(), reduction=4)
    parts = torch.from_numpy(clip.astype(np.float32))[None].split([2, 2, 2, 2, 1], 2)
    forward, backward, true_forward, _, holes = parts
    found = load_cascade()(forward, backward, holes, sizes=[(60, 108)], keep=[0])[-1].forward[:, 0]
    hole = holes[0, 0, 0] > 0
    errors = [(flow - true_forward[:, 0])[0].norm(dim=0)[hole].mean() for flow in (forward[:, 0], found)]
    assert errors[1] < 0.9 * errors[0]
