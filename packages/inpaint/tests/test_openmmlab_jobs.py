"""OpenMMLab's networks in whole jobs, from file to file, with random weights in checkpoints of the published shapes."""

from __future__ import annotations

import importlib.util
import os
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from maskreel.common.cli import main
from maskreel.common.errors import InputError
from maskreel.common.flow import read_flo
from maskreel.common.masks import write_masks
from maskreel.common.video import Clip, read, write
from maskreel.inpaint import InpaintConfig, VideoInpainter
from maskreel.inpaint.openmmlab import FlowNet2, OpenMMLabSegmenter, identify_config
from maskreel.inpaint.openmmlab._config_file import read_config_file
from maskreel.inpaint.running.parts import flow_estimator, people_segmenter

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("mmcv") is None and not os.environ.get("MASKREEL_REQUIRE_OPENMMLAB"),
        reason="needs maskreel-inpaint[openmmlab]",
    ),
    pytest.mark.usefixtures("one_thread"),
]

SIZE, FRAMES = (64, 64), 6
COCO = "deeplabv3_r101-d8_4xb4-80k_coco-stuff164k-512x512"
SD = "flownet2sd_8xb1_slong_chairssdhom-384x448"
CSS = "flownet2css_8xb1_sfine_flyingthings3d-subset-384x768"
THINGS = slice(20, 44)
"""The rows of the bright thing that walks from left to right."""


def truth() -> torch.Tensor:
    """Where the bright thing is: bool (T, H, W)."""
    masks = torch.zeros(FRAMES, *SIZE, dtype=torch.bool)
    for t in range(FRAMES):
        masks[t, THINGS, 8 * t : 8 * t + 20] = True
    return masks


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bright thing walks through a dark scene, in in.mkv; masks of it lie beside."""
    path = tmp_path_factory.mktemp("video") / "in.mkv"
    coarse = np.random.default_rng(0).integers(10, 60, (1, 8, 8, 3)).repeat(FRAMES, axis=0)
    frames = coarse.repeat(8, axis=1).repeat(8, axis=2)
    frames[truth().numpy()] = 240
    write(path, Clip.from_numpy(frames.astype(np.uint8), Fraction(25)), codec="ffv1")
    write_masks(path.with_name("masks"), truth())
    return path


def shapes_of(network: Any, config: str) -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        return network.with_random_weights(config=config, device=torch.device("meta"))._network.state_dict()


def alike(weight: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """The weights of one output for all of them, which take no room in a file."""
    return weight.expand(shape)


def seeing_bright_people(config: str, person: int, path: Path) -> str:
    """A checkpoint with which any network of mmsegmentation takes bright things for people."""
    state = dict[str, torch.Tensor]()
    for key, value in shapes_of(OpenMMLabSegmenter, config).items():
        if value.ndim == 4:
            weight = torch.zeros(value.shape[1:])
            middle = torch.rand(value.shape[1])
            weight[:, value.shape[2] // 2, value.shape[3] // 2] = middle / middle.sum()
            state[key] = alike(weight, value.shape)
        else:  # batch normalisation that changes nothing
            ones = key.endswith("running_var") or (key.endswith("weight") and value.ndim == 1)
            state[key] = torch.full(value.shape, int(ones), dtype=value.dtype)
    for layer in [key for key in state if key.endswith("bn3.weight")]:
        state[layer] = torch.zeros_like(state[layer])  # only the way around each block is left
    last = "decode_head.conv_seg"
    state[f"{last}.weight"] = torch.zeros(state[f"{last}.weight"].shape)
    state[f"{last}.weight"][person] = 50 / state[f"{last}.weight"].shape[1]
    state[f"{last}.bias"][person] = -50.0  # so bright that the normalised value is 1
    torch.save({"state_dict": state, "meta": {}}, path)
    return str(path)


def random_flow(config: str, path: Path) -> str:
    """A checkpoint with random weights for a network of the FlowNet family."""
    state = {
        key: alike(torch.randn(value.shape[1:]) / max(1, value[0].numel()) ** 0.5, value.shape)
        for key, value in shapes_of(FlowNet2, config).items()
    }
    torch.save({"state_dict": state, "meta": {}}, path)
    return str(path)


@pytest.fixture
def tiny_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames are not enlarged to 512 pixels, which takes seconds for each."""
    defaults: Any = OpenMMLabSegmenter.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "short_side", 64)


def people_are_gone(video: Path, tmp_path: Path, *words: str) -> None:
    out = tmp_path / "out.mkv"
    options = ["--mode", "static", "--dilation", "5", "--shadow-margin", "0", "--analysis-fps", "25", "--device", "cpu"]
    assert main(["-q", "inpaint", "run", str(video), "-o", str(out), "--lossless", *options, *words]) == 0
    before, after = read(video).numpy().max(-1), read(out).numpy().max(-1)
    bright = truth().numpy()
    assert before[bright].min() == 240
    assert np.mean(after[bright] > 150) < 0.05
    assert np.array_equal(after[:, :8], before[:, :8]), "nothing is marked far from it"


@pytest.mark.usefixtures("tiny_sides")
@pytest.mark.parametrize("name", ["deeplabv3", "fcn"])
def test_people_are_removed_by_networks_of_mmsegmentation(video: Path, tmp_path: Path, name: str) -> None:
    weights = seeing_bright_people(name, 15, tmp_path / "voc.pth")
    people_are_gone(video, tmp_path, "--segmenter", name, "--segmenter-weights", weights)


@pytest.mark.usefixtures("tiny_sides")
def test_the_network_may_be_another_one_of_mmsegmentation(video: Path, tmp_path: Path) -> None:
    weights = seeing_bright_people(COCO, 0, tmp_path / "coco.pth")  # person is the first of 171 classes there
    words = ["--segmenter", "deeplabv3", "--segmenter-weights", weights]
    people_are_gone(video, tmp_path, *words, "--segmenter-config", COCO)
    with pytest.raises(InputError, match=r"coco\.pth does not fit EncoderDecoder"):
        people_segmenter(InpaintConfig(segmenter="deeplabv3", segmenter_weights=weights, device="cpu"))


def flow_kept(video: Path, folder: Path, *words: str) -> torch.Tensor:
    """Flow that a job measures between the first two frames, float32 (2, H, W)."""
    options = ["--mode", "flow", "--completion", "laplace", "--fill", "telea", "--device", "cpu", "--preview", "0.12s"]
    masks = ["--masks", str(video.with_name("masks"))]
    out = ["-o", str(folder / "out.mp4"), "--keep-stages", "flow"]
    assert main(["-q", "inpaint", "run", str(video), *masks, *out, *options, *words]) == 0
    assert len(read(folder / "out.mp4")) == 3
    return read_flo(folder / "out.job" / "kept-flow" / "00000000.flo")


def pair_of(video: Path) -> tuple[torch.Tensor, torch.Tensor]:
    frames = read(video).frames
    return frames[:1], frames[1:2]


def test_holes_are_filled_along_the_flow_of_flownet2(video: Path, tmp_path: Path) -> None:
    weights = random_flow("flownet2", tmp_path / "FlowNet2.pth")
    found = flow_kept(video, tmp_path, "--flow", "flownet2", "--flow-weights", weights)
    assert torch.isfinite(found).all()
    assert found.std() > 0


def test_the_network_may_be_another_one_of_mmflow(video: Path, tmp_path: Path) -> None:
    weights = random_flow(SD, tmp_path / "sd.pth")
    options = ["--flow", "flownet2", "--flow-weights", weights, "--flow-config", SD]
    expected = FlowNet2(weights, config=SD, device="cpu")(*pair_of(video))[0]
    assert expected.std() > 0
    torch.testing.assert_close(flow_kept(video, tmp_path, *options), expected)
    config = InpaintConfig(flow="flownet2", flow_weights=weights, flow_config="flownet2-sd", device="cpu")
    assert repr(flow_estimator(config)).startswith("FlowNet2('flownet2-sd', weights='sd.pth ")


def test_files_of_mmsegmentation_are_read_as_mmengine_reads_them(tmp_path: Path) -> None:
    """In a folder of the user's, where none of them is run: with all that they begin from."""
    import mmseg
    from mmengine.config import Config

    theirs = Path(str(mmseg.__file__)).parent / ".mim" / "configs"
    for folder in ("_base_", "deeplabv3"):
        shutil.copytree(theirs / folder, tmp_path / folder)
    mine = tmp_path / "deeplabv3" / f"{COCO}.py"
    assert read_config_file(mine) == Config.fromfile(mine).to_dict()


def test_mmflows_own_names_build() -> None:
    assert len(shapes_of(FlowNet2, CSS)) > len(shapes_of(FlowNet2, SD)) > 50


def test_configurations_that_are_not_there_are_told(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pth")
    weights = str(tmp_path / "a.pth")
    with pytest.raises(InputError, match=r"config deeplabv3_r5 is neither a file nor a configuration of mmseg"):
        people_segmenter(InpaintConfig(segmenter="fcn", segmenter_weights=weights, segmenter_config="deeplabv3_r5"))
    with pytest.raises(InputError, match=r"config flownet3 is neither a file nor a configuration of mmflow"):
        flow_estimator(InpaintConfig(flow="flownet2", flow_weights=weights, flow_config="flownet3"))


def test_a_configuration_is_known_by_all_that_it_says(tmp_path: Path) -> None:
    base, config = tmp_path / "base.py", tmp_path / "mine.py"
    base.write_text("model = dict(depth=50)")
    config.write_text("_base_ = 'base.py'")
    known = [identify_config(str(config))]
    config.write_text("_base_ = 'base.py'  # said in other words")
    assert [identify_config(str(config))] == known
    base.write_text("model = dict(depth=101)")
    assert identify_config(str(config)) not in known
    assert identify_config("flownet2-sd") == "flownet2-sd"
    config.write_text("import os")  # refused where it is used
    assert identify_config(str(config))["name"] == "mine.py"


def test_another_configuration_makes_masks_and_fill_anew(video: Path, tmp_path: Path) -> None:
    """Without running the networks: the folders of the stages are looked at."""
    from maskreel.common.video import probe
    from maskreel.inpaint.running.job import Job

    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pth")
    weights = str(tmp_path / "a.pth")
    told = []
    for segmenter, flow in ((None, None), ("x", None), (None, "y")):
        config = InpaintConfig(
            segmenter="fcn",
            segmenter_weights=weights,
            segmenter_config=segmenter,
            flow="flownet2",
            flow_weights=weights,
            flow_config=flow,
        )
        pipeline = VideoInpainter(config)._pipeline(probe(video), None, Job(tmp_path / "job"), None, lambda *_: None)  # pyright: ignore[reportArgumentType]
        told.append((pipeline._mask_settings, pipeline._fill_settings))
    (masks, fill), (other_masks, other_fill), (same_masks, flow_fill) = told
    assert masks != other_masks
    assert masks == same_masks
    assert fill != other_fill
    assert fill != flow_fill
