from __future__ import annotations

import pytest
import torch

from maskreel.inpaint.generator import FillNetwork, FillTask
from maskreel.inpaint.generator._losses import FillLoss, fill_losses
from maskreel.inpaint.generator._network import _turned, _turns


def batch(height: int = 32, width: int = 48) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(2, 5, height, width, generator=generator)
    x[:, 3:] = 0
    x[:, 3, 8:20, 10:30] = 1
    return x


@pytest.fixture(scope="module")
def network() -> FillNetwork:
    torch.manual_seed(0)
    made = FillNetwork().eval()
    torch.nn.init.normal_(made.head.weight, std=0.1)
    return made.requires_grad_(False)


def test_an_untrained_network_answers_with_the_guess():
    x = batch()
    assert torch.equal(FillNetwork()(x), x[:, :3])


def test_outside_the_hole_nothing_changes_and_inside_all_depends_on_far_pixels(network):
    x = batch()
    answer = network(x)
    hole = x[:, 3:4].bool().expand(-1, 3, -1, -1)
    assert torch.equal(answer[~hole], x[:, :3][~hole])
    assert not torch.equal(answer[hole], x[:, :3][hole])
    far = x.clone()
    far[:, :3, :, 44:] = 0
    assert not torch.equal(network(far)[hole], answer[hole])


def test_samples_of_a_batch_do_not_mix(network):
    x = batch()
    assert torch.allclose(network(x)[1:], network(x[1:]), atol=1e-5)


def test_the_plane_that_says_refine_counts(network):
    x = batch()
    refined = x.clone()
    refined[:, 4] = 1
    assert not torch.equal(network(refined), network(x))


@pytest.mark.parametrize("shape", [(1, 5, 36, 32), (1, 4, 32, 32), (5, 32, 32)])
def test_other_shapes_are_refused(network, shape):
    with pytest.raises(ValueError, match=r"x must be \(N, 5, H, W\) with H and W multiples of 8"):
        network(torch.zeros(shape))


def test_rotary_positions_make_logits_depend_on_the_distance_alone():
    turn = _turns(5, 7, 24, torch.zeros(1))
    query, key = torch.randn(2, 24, generator=torch.Generator().manual_seed(0))
    queries, keys = (_turned(vector.expand(35, 24), turn).view(5, 7, 24) for vector in (query, key))
    assert torch.allclose(queries[0, 1] @ keys[2, 4], queries[2, 3] @ keys[4, 6], atol=1e-4)
    assert abs(queries[0, 1] @ keys[2, 4] - queries[0, 1] @ keys[3, 4]) > 1e-3


def test_losses_of_a_constant_error():
    truth = torch.rand(1, 3, 32, 32)
    hole = torch.zeros(1, 1, 32, 32)
    hole[..., 8:24, 8:24] = 1
    losses = fill_losses(truth + 0.25 * hole, truth, hole, FillLoss(pixels=1, areas=2, edges=4))
    # the error is a square of 16 pixels: 64 steps of 0.25 at its border, as many per border pixel at every scale
    slopes = sum(0.25 * 4 * (16 // scale) * scale**2 for scale in (1, 2, 4)) / 3
    assert losses["pixels"].item() == pytest.approx(0.25, abs=1e-6)
    assert losses["areas"].item() == pytest.approx(0.5, abs=1e-6)
    assert losses["edges"].item() == pytest.approx(4 * slopes / 256, abs=1e-5)


def test_losses_do_not_depend_on_the_size_of_the_hole():
    truth = torch.zeros(1, 3, 64, 64)
    small, large = torch.zeros(2, 1, 1, 64, 64)
    small[..., :16, :16] = large[..., :48, :48] = 1
    both = [fill_losses(0.5 * hole + truth, truth, hole, FillLoss())["pixels"] for hole in (small, large)]
    assert both[0].item() == pytest.approx(both[1].item(), abs=1e-6)


def sample(error: float) -> dict[str, torch.Tensor]:
    truth = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(3)) * 0.5
    planes = torch.zeros(5, 32, 32)
    planes[3, 8:24, 8:24] = 1
    planes[:3] = truth + error * planes[3]
    return {"input": planes, "truth": truth}


def test_quality_of_a_known_error():
    task = FillTask(FillNetwork().eval(), [sample(0.1), sample(0.01)])
    quality = task.evaluate(task.module)
    assert quality["psnr"] == pytest.approx((20 + 40) / 2, abs=0.01)
    assert quality["guess_psnr"] == quality["psnr"]
    assert 0.9 < quality["ssim"] <= 1
    assert quality["sharpness"] == pytest.approx(1, abs=0.1)


def test_pictures_show_masked_guess_answer_and_truth():
    task = FillTask(FillNetwork().eval(), [sample(0.1)] * 3)
    sheet = task.samples(task.module)
    assert sheet is not None
    assert sheet.shape == (3, 4 * 35 + 3, 3 * 35 + 3)
    assert (sheet[:, 3 + 8 : 3 + 24, 3 + 8 : 3 + 24] == 0).all()  # the hole of the masked one


def test_without_held_out_samples_nothing_is_measured():
    task = FillTask(FillNetwork())
    assert task.evaluate(task.module) == {}
    assert task.samples(task.module) is None
