from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torchvision.models import optical_flow

from maskreel.common.errors import InputError, MissingExtraError
from maskreel.common.job_folder import identify
from maskreel.inpaint.flow import raft as raft_flow
from maskreel.inpaint.flow.raft import RAFTFlow, RAFTName, published_raft_weights

if TYPE_CHECKING:
    from pathlib import Path

ITERATIONS = 2


def frames(seed: int, height: int, width: int, count: int = 1) -> torch.Tensor:
    """Smooth random pictures, uint8 (count, 3, height, width)."""
    coarse = torch.rand(count, 3, 7, 9, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1).mul(255).byte()


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    """torchvision's own small RAFT with values that nobody trained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return optical_flow.raft_small(weights=None).eval()


@pytest.fixture(scope="module")
def weights(network: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("raft") / "small.pth"
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def estimator(weights: Path) -> RAFTFlow:
    return RAFTFlow("raft-small", weights=weights, device="cpu", iterations=ITERATIONS)


def reference(network: torch.nn.Module, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """torchvision's forward on frames that it accepts as they are, prepared by torchvision's own transform."""
    prepare: Any = optical_flow.Raft_Small_Weights.C_T_V2.transforms()
    with torch.inference_mode():
        return network(*prepare(first, second), num_flow_updates=ITERATIONS)[-1]


def test_equals_torchvision_where_nothing_is_padded(network: torch.nn.Module, estimator: RAFTFlow) -> None:
    first, second = frames(0, 128, 136), frames(1, 128, 136)
    flow = estimator(first, second)
    assert flow.dtype == torch.float32
    assert flow.shape == (1, 2, 128, 136)
    expected = reference(network, first, second)
    assert expected.std() > 0.01  # else the comparison would say nothing
    torch.testing.assert_close(flow, expected, rtol=0, atol=1e-4)


def test_the_large_network_equals_torchvision() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        large = optical_flow.raft_large(weights=None).eval()
    first, second = frames(2, 128, 128), frames(3, 128, 128)
    flow = RAFTFlow("raft-large", random_seed=3, device="cpu", iterations=ITERATIONS)(first, second)
    torch.testing.assert_close(flow, reference(large, first, second), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(50, 131), (129, 7), (1, 1)])
def test_other_sizes_are_continued_by_their_last_pixels(
    network: torch.nn.Module, estimator: RAFTFlow, height: int, width: int
) -> None:
    first, second = frames(4, height, width), frames(5, height, width)
    flow = estimator(first, second)
    bottom, right = (max(128, (side + 7) // 8 * 8) - side for side in (height, width))
    spread = ((0, 0), (0, 0), (0, bottom), (0, right))
    padded = [torch.from_numpy(np.pad(image.numpy(), spread, mode="edge")) for image in (first, second)]
    expected = reference(network, padded[0], padded[1])[..., :height, :width]
    torch.testing.assert_close(flow, expected, rtol=0, atol=1e-4)


def test_batches_equal_single_pairs(weights: Path, estimator: RAFTFlow) -> None:
    first, second = frames(6, 128, 128, count=3), frames(7, 128, 128, count=3)
    together = RAFTFlow("raft-small", weights=weights, device="cpu", iterations=ITERATIONS, batch=2)(first, second)
    alone = torch.cat([estimator(a[None], b[None]) for a, b in zip(first, second, strict=True)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-3)
    assert not torch.allclose(together[0], together[1], atol=1e-2)
    assert estimator(first[:0], second[:0]).shape == (0, 2, 128, 128)


def test_a_scale_computes_smaller_and_answers_in_pixels_of_the_frame(weights: Path, estimator: RAFTFlow) -> None:
    small = frames(8, 128, 128), frames(9, 128, 128)
    large = [image.repeat_interleave(2, 2).repeat_interleave(2, 3) for image in small]
    halved = RAFTFlow("raft-small", weights=weights, device="cpu", iterations=ITERATIONS, scale=0.5)
    flow = halved(large[0], large[1])
    assert flow.shape == (1, 2, 256, 256)
    ours, theirs = torch.nn.functional.avg_pool2d(flow, 2) / 2, estimator(*small)
    # An antialiased half of doubled pixels is a little smoother than the pixels were.
    assert (ours - theirs).abs().mean() < 0.02 * theirs.abs().mean()


def test_more_iterations_change_the_flow(weights: Path, estimator: RAFTFlow) -> None:
    first, second = frames(0, 128, 128), frames(1, 128, 128)
    longer = RAFTFlow("raft-small", weights=weights, device="cpu", iterations=ITERATIONS + 1)(first, second)
    assert (longer - estimator(first, second)).abs().max() > 1e-3


def test_frames_are_left_as_they_are(estimator: RAFTFlow) -> None:
    first, second = frames(0, 40, 40), frames(1, 40, 40)
    copies = first.clone(), second.clone()
    estimator(first, second)
    assert torch.equal(first, copies[0])
    assert torch.equal(second, copies[1])


def test_repr_tells_all_that_decides_the_flow(weights: Path, estimator: RAFTFlow) -> None:
    source = f"small.pth {identify(weights)['sha256'][:8]}"
    assert repr(estimator) == f"RAFTFlow('raft-small', weights={source!r}, iterations=2, scale=1.0, amp=False)"
    other = RAFTFlow("raft-small", random_seed=1, device="cpu")
    assert repr(other) == "RAFTFlow('raft-small', weights='random 1', iterations=12, scale=1.0, amp=False)"


def test_random_values_come_from_their_seed_and_leave_the_global_generator_alone() -> None:
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    pair = frames(0, 128, 128), frames(1, 128, 128)
    made = [RAFTFlow("raft-small", random_seed=seed, device="cpu", iterations=1)(*pair) for seed in (1, 1, 2)]
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_published_weights_are_named_and_a_copy_at_hand_is_used(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, file in (("raft-large", "raft_large_C_T_SKHT_V2-ff5fadd5.pth"), ("raft-small", None)):
        entry = published_raft_weights(name)  # pyright: ignore[reportArgumentType]
        assert file is None or entry.name == file
        assert entry.url.endswith(entry.name)
        assert entry.name.endswith(f"-{entry.sha256}.pth")
        assert "COCO" not in entry.licence
    assert published_raft_weights("raft-large").metrics["Sintel-Test-Cleanpass epe"] == 1.819
    content = weights.read_bytes()
    entry = replace(entry, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    monkeypatch.setattr(raft_flow, "published_raft_weights", lambda name: entry)
    monkeypatch.setenv("MASKREEL_CACHE", str(tmp_path))
    monkeypatch.setenv("MASKREEL_OFFLINE", "1")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / entry.name).write_bytes(content)
    pair = frames(0, 128, 128), frames(1, 128, 128)
    published = RAFTFlow("raft-small", device="cpu", iterations=ITERATIONS)
    given = RAFTFlow("raft-small", weights=weights, device="cpu", iterations=ITERATIONS)
    assert torch.equal(published(*pair), given(*pair))
    assert entry.name in repr(published)


@pytest.mark.parametrize("name", ["raft-large", "raft-small"])
def test_offline_the_error_says_which_file_to_put_where(
    name: RAFTName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASKREEL_CACHE", str(tmp_path))
    monkeypatch.setenv("MASKREEL_OFFLINE", "1")
    entry = published_raft_weights(name)
    where = tmp_path / "weights" / entry.name
    with pytest.raises(InputError, match=re.escape(f"get it from {entry.url} on any machine and put it at {where}")):
        RAFTFlow(name, device="cpu")


def test_weights_of_another_network_are_refused(network: torch.nn.Module, weights: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"small\.pth does not fit RAFT; keys .*missing"):
        RAFTFlow("raft-large", weights=weights, device="cpu")
    state = network.state_dict()
    key = "update_block.flow_head.conv2.weight"
    torch.save(state | {key: state[key][:1]}, tmp_path / "cut.pth")
    with pytest.raises(InputError, match=rf"1 of another shape: {re.escape(key)} \(1x128x3x3 in the file, 2x128x3x3"):
        RAFTFlow("raft-small", weights=tmp_path / "cut.pth", device="cpu")
    with pytest.raises(InputError, match=r"nowhere\.pth: there is no such weights file"):
        RAFTFlow(weights=tmp_path / "nowhere.pth", device="cpu")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "raft"}, "name must be one of raft-large, raft-small, got 'raft'"),
        ({"iterations": 0}, "iterations and batch must be 1 or more, got iterations = 0"),
        ({"batch": 0}, "iterations and batch must be 1 or more, got .*batch = 0"),
        ({"scale": 0.0}, "scale must be above 0 and at most 1, got 0.0"),
        ({"scale": 1.5}, "scale must be above 0 and at most 1, got 1.5"),
        ({"device": "tpu"}, "device must be auto, cpu, cuda or a torch.device, got 'tpu'"),
        ({"amp": True, "device": "cpu"}, "amp works on cuda only, got device cpu"),
        ({"weights": "a.pth", "random_seed": 1}, "give weights or random_seed, not both"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RAFTFlow(**options)


def test_frames_that_do_not_fit_are_refused(estimator: RAFTFlow) -> None:
    good = frames(0, 16, 24)
    with pytest.raises(TypeError, match=r"second must be a torch\.uint8 tensor, got torch\.float32"):
        estimator(good, good.float())
    with pytest.raises(ValueError, match=r"first must have shape \(N, 3, H, W\), got \(3, 16, 24\)"):
        estimator(good[0], good)
    with pytest.raises(ValueError, match=r"one shape, got \(1, 3, 16, 24\), \(1, 3, 16, 23\)"):
        estimator(good, good[..., :23])


def test_without_torchvision_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(MissingExtraError, match=r"maskreel-inpaint\[torchvision\]"):
        RAFTFlow(random_seed=0, device="cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_half_precision_on_cuda_stays_near_full_precision() -> None:
    first, second = frames(0, 128, 136), frames(1, 128, 136)
    flow = [RAFTFlow("raft-small", random_seed=5, iterations=2, device="cuda", amp=amp) for amp in (False, True)]
    full, half = (estimator(first, second) for estimator in flow)
    assert full.device.type == "cpu"
    assert half.dtype == torch.float32
    assert (full - half).abs().mean() < 0.05 * full.abs().mean() + 0.05
