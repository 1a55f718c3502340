from __future__ import annotations

import importlib
import importlib.util
import os
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.inpaint.openmmlab import Correlation, FlowNet2

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mmcv") is None and not os.environ.get("MASKREEL_REQUIRE_OPENMMLAB"),
    reason="needs maskreel-inpaint[openmmlab]",
)

SMALL = {"level6": 4, "level5": 10, "level4": 10, "level3": 10, "level2": 10}


@pytest.fixture(scope="module")
def full() -> FlowNet2:
    """FlowNet2 as published, 162 million random weights."""
    return FlowNet2.with_random_weights(device="cpu", batch=2)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a FlowNetS with four channels in every layer, which names weights to be downloaded."""
    path = tmp_path_factory.mktemp("config") / "small.py"
    path.write_text(f"""
model = dict(
    type='FlowNetS',
    data_preprocessor=dict(type='FlowDataPreprocessor', mean=[0., 10., 20.], std=[255., 200., 100.]),
    encoder=dict(type='FlowNetEncoder', in_channels=6, out_channels=(4,) * 6,
                 pyramid_levels=[f'level{{i}}' for i in range(1, 7)]),
    decoder=dict(type='FlowNetSDecoder', in_channels={SMALL}, out_channels=dict(level6=4, level5=4, level4=4, level3=4),
                 deconv_bias=True, pred_bias=True, upsample_bias=True),
    init_cfg=dict(type='Pretrained', checkpoint='https://download.openmmlab.com/none.pth'))
""")
    return path


def frames(count: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    first, second = torch.randint(0, 256, (2, count, 3, height, width), dtype=torch.uint8)
    return first, second


def mmflow_says(network: Any, first: torch.Tensor, second: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """mmflow's own inference on one pair, stretched to `size` and back: uint8 RGB (3, H, W) x2 -> (2, H, W)."""
    from mmengine.registry import DefaultScope

    meta = {"ori_shape": tuple(first.shape[1:]), "img_shape": size}
    sample = importlib.import_module("mmflow.structures").FlowDataSample(metainfo=meta)
    pair = torch.stack((first, second))[:, [2, 1, 0]]
    with DefaultScope.overwrite_default_scope("mmflow"), torch.no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.meshgrid", UserWarning)
        data = network.data_preprocessor({"inputs": [pair], "data_samples": [sample]})
        return network(data["inputs"], data["data_samples"], mode="predict")[0].pred_flow_fw.data


def test_full_network_is_mmflows(full: FlowNet2) -> None:
    first, second = frames(2, 64, 64)
    found = full(first, second)
    assert found.dtype == torch.float32
    assert sum(value.numel() for value in full._network.parameters()) == 162_518_834
    for i in range(2):
        expected = mmflow_says(full._network, first[i], second[i], (64, 64))
        torch.testing.assert_close(found[i], expected, rtol=1e-4, atol=1e-5 + 1e-3 * expected.std().item())


def test_batches_of_the_small_network_are_mmflows_one_by_one(small: Path) -> None:
    estimator = FlowNet2.with_random_weights(config=small, device="cpu", batch=2)
    first, second = frames(3, 64, 128)
    found = estimator(first, second)
    for i in range(3):
        expected = mmflow_says(estimator._network, first[i], second[i], (64, 128))
        assert expected.std() > 0
        torch.testing.assert_close(found[i], expected, rtol=1e-4, atol=1e-3 * expected.std().item())


@pytest.mark.parametrize("size", [(1, 1), (70, 33), (63, 65)])
def test_odd_sizes_are_padded_by_their_borders(small: Path, size: tuple[int, int]) -> None:
    estimator = FlowNet2.with_random_weights(config=small, device="cpu")
    first, second = frames(1, *size)
    rows, columns = (torch.arange(-(-side // 64) * 64).clamp(max=side - 1) for side in size)
    wide = [x[:, :, rows][..., columns] for x in (first, second)]
    assert torch.equal(estimator(first, second), estimator(wide[0], wide[1])[..., : size[0], : size[1]])


def test_no_frames_give_no_flow(small: Path) -> None:
    estimator = FlowNet2.with_random_weights(config=small, device="cpu")
    assert estimator(*frames(0, 5, 6)).shape == (0, 2, 5, 6)


@pytest.mark.parametrize("name", ["flownet2-css", "flownet2-cs", "flownet2-sd", "flownet2-css-sd"])
def test_variants_go_by_short_names(name: str) -> None:
    with torch.device("meta"):
        estimator = FlowNet2.with_random_weights(config=name, device=torch.device("meta"))
    millions = {"flownet2-css": 116.57, "flownet2-cs": 77.87, "flownet2-sd": 45.37, "flownet2-css-sd": 116.57}[name]
    found = sum(value.numel() for value in estimator._network.parameters()) / 1e6
    assert found == pytest.approx(millions, abs=0.03)


def test_checkpoint_of_mmengine_comes_back(small: Path, tmp_path: Path) -> None:
    from mmengine.runner import save_checkpoint

    estimator = FlowNet2.with_random_weights(config=small, device="cpu")
    state = {key: torch.randn_like(value) / 10 for key, value in estimator._network.state_dict().items()}
    path = tmp_path / "flow.pth"
    save_checkpoint({"state_dict": state, "meta": {"mmflow_version": "1.0.0rc0", "cfg": "text"}}, str(path))
    loaded = FlowNet2(path, config=small, device="cpu")
    pair = frames(1, 64, 64)
    assert not torch.equal(loaded(*pair), estimator(*pair))
    estimator._network.load_state_dict(state)
    assert torch.equal(loaded(*pair), estimator(*pair))
    assert re.fullmatch(rf"FlowNet2\('{small}', weights='flow.pth [0-9a-f]{{8}}'\)", repr(loaded))


def test_wrong_checkpoints_are_told_in_one_sentence(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    with pytest.raises(InputError, match=r"w\.pth: there is no such weights file"):
        FlowNet2(path, config=small)
    path.write_bytes(b"no checkpoint")
    with pytest.raises(InputError, match=r"w\.pth is not a readable PyTorch checkpoint"):
        FlowNet2(path, config=small)
    torch.save({"state_dict": {"a": torch.zeros(1)}}, path)
    with pytest.raises(InputError, match=r"w\.pth does not fit FlowNetS; keys \d+ missing: encoder.*1 unexpected: a"):
        FlowNet2(path, config=small, device="cpu")
    for content in ([1], {"state_dict": {}}, {"state_dict": [1]}):
        torch.save(content, path)
        with pytest.raises(InputError, match=r"w\.pth must hold weights, or an entry 'state_dict' with weights"):
            FlowNet2(path, config=small)
    torch.save({"state_dict": {"a": torch.zeros(1)}, "meta": Path("x")}, path)
    with pytest.raises(InputError, match=r"w\.pth is refused: it asks for pathlib"):
        FlowNet2(path, config=small)


def test_wrong_configurations_are_told(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"config flownet3 is neither a file nor a configuration of mmflow; it may be flown"
    ):
        FlowNet2.with_random_weights(config="flownet3")
    with pytest.raises(InputError, match=r"none/x\.py: there is no such configuration"):
        FlowNet2.with_random_weights(config="none/x.py")
    path = tmp_path / "c.py"
    path.write_text("model = 1 / 0")
    with pytest.raises(InputError, match=r"c\.py is not a readable configuration: division by zero"):
        FlowNet2.with_random_weights(config=path)
    path.write_text("x = 1")
    with pytest.raises(InputError, match=r"c\.py is no configuration of a network: it has no 'model'"):
        FlowNet2.with_random_weights(config=path)
    path.write_text("model = dict(type='NoSuchNetwork')")
    with pytest.raises(InputError, match=r"mmflow cannot build the network of this configuration.*NoSuchNetwork"):
        FlowNet2.with_random_weights(config=path)
    path.write_text("model = dict(type='CorrBlock', corr_cfg=dict(type='Correlation'))")
    with pytest.raises(InputError, match=r"c\.py|mmflow cannot build"):
        FlowNet2.with_random_weights(config=path)
    with pytest.raises(InputError, match=r"config raft.* must be of a network of the FlowNet family, not RAFT"):
        FlowNet2.with_random_weights(config="raft_8xb2_100k_flyingchairs-368x496", device="cpu")


def test_wrong_frames_are_told(small: Path) -> None:
    with pytest.raises(ValueError, match="batch must be 1 or more, got 0"):
        FlowNet2.with_random_weights(config=small, batch=0)
    estimator = FlowNet2.with_random_weights(config=small, device="cpu")
    first, second = frames(1, 8, 8)
    with pytest.raises(TypeError, match=r"second must be a torch\.uint8 tensor, got torch\.float32"):
        estimator(first, second.float())
    with pytest.raises(ValueError, match=r"first must have shape \(N, 3, H, W\), got \(3, 8, 8\)"):
        estimator(first[0], second)
    with pytest.raises(ValueError, match=r"must have one shape, got \(1, 3, 8, 8\), \(1, 3, 8, 7\)"):
        estimator(first, second[..., :7])


def test_nothing_global_is_left_behind(small: Path) -> None:
    from mmengine.registry import DefaultScope

    before, names = torch.get_rng_state(), dict(DefaultScope._instance_dict)
    pair = frames(1, 64, 64)
    torch.set_rng_state(before)
    FlowNet2.with_random_weights(config=small, device="cpu")(*pair)
    assert torch.equal(torch.get_rng_state(), before)
    assert dict(DefaultScope._instance_dict) == names


def test_a_compiled_correlation_is_replaced_where_it_cannot_work() -> None:
    from maskreel.inpaint.openmmlab._flownet2 import _portable

    class Compiled:
        kernel_size, max_displacement, stride, padding, dilation, dilation_patch = 1, 10, 1, 0, 1, 2

    compiled: Any = Compiled()
    a, b = torch.randn(2, 1, 4, 6, 6)
    own = Correlation(max_displacement=10, dilation_patch=2)
    assert torch.equal(_portable(compiled)(a, b), own(a, b))
    assert _portable(own) is own
