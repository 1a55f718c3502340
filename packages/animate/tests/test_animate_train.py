"""`maskreel animate train PRESET`."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from maskreel.animate.commands.train import PRESETS
from maskreel.animate.weights import load_model
from maskreel.common.cli import main
from maskreel.common.video import Clip, write

pytest.importorskip("mmengine")

NETWORKS = [
    *("--size", "32", "--factor", "2", "--depth", "2", "--refiner-depth", "2", "--high-depth", "2"),
    *("--mask-width", "4", "--refiner-width", "4", "--low-width", "8", "--low-blocks", "1"),
    *("--high-width", "4", "--widest", "16"),
]
BRIEF = ["--batch-size", "2", "--watched", "2", "--evaluate-every", "2", "--threads", "1"]


def train(*words: object) -> int:
    return main(["-q", "animate", "train", *map(str, words)])


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A light square that moves over noise."""
    frames = np.random.default_rng(0).integers(0, 100, (10, 40, 48, 3), np.uint8)
    for number, frame in enumerate(frames):
        frame[10:22, 3 * number : 3 * number + 12] = 250
    path = tmp_path / "square.mp4"
    write(path, Clip.from_numpy(frames, Fraction(10)))
    return path


def test_people_are_rendered_and_learned_from_and_a_second_call_changes_nothing(tmp_path: Path) -> None:
    command = ["tiny", "-o", tmp_path / "run", "--rendered", 3, *NETWORKS, *BRIEF, "--steps", 4]
    assert train(*command, "--refine-from", 0.01, "--swap-from", 0.02) == 0
    path = tmp_path / "run" / "animation.safetensors"
    weights, record = load_file(path), json.loads(path.with_suffix(".json").read_text())
    assert load_model(path).config.low_width == 8
    assert record["steps"] == 4
    assert record["data"] == "3 rendered clips of people, seed 0"
    quality = {"l1", "l1_refined", "l1_crossed", "l1_copy", "l1_swap", "area", "iou", "iou_refined", "iou_crossed"}
    assert quality <= record["quality"].keys()
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    losses = next(line["losses"] for line in log if line["step"] == 4)
    assert len(losses) == 7
    assert min(losses.values()) > 0
    assert train(*command, "--refine-from", 0.01, "--swap-from", 0.02) == 0
    assert all(torch.equal(value, weights[name]) for name, value in load_file(path).items())


def test_what_goes_beyond_can_be_left_out(tmp_path: Path) -> None:
    """Each of the flags changes what comes out; without twins there are no figures of them."""
    command = ["tiny", "--rendered", 2, *NETWORKS, *BRIEF, "--steps", 2, "--refine-from", 0, "--watched", 1]
    plain = ["--crossed", 0, "--redrawn", 0, "--consistency-weight", 0]
    seen: list[str] = []
    for changed in ([], ["--crossed", 1], ["--redrawn", 1], ["--consistency-weight", 30]):
        run = tmp_path / f"{len(seen)}"
        assert train(*command, *plain, *changed, "-o", run, "--cache", tmp_path / "cache") == 0
        quality = json.loads((run / "animation.json").read_text())["quality"]
        assert ("iou_crossed" in quality) == ("--crossed" in changed)
        seen.append(str({name: value for name, value in quality.items() if not name.endswith("crossed")}))
    assert len(set(seen)) == 4


def test_pictures_are_compared_as_asked_for(tmp_path: Path, video: Path) -> None:
    """The first step, from the same weights and samples; `--vgg` is what the random one would be with weights."""
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(1)
    vgg = {
        f"features.{key}": value for key, value in torchvision.models.vgg19(weights=None).features.state_dict().items()
    }
    torch.save({key: value for key, value in vgg.items() if int(key.split(".")[1]) < 12}, tmp_path / "vgg.pth")
    found = []
    for more in (["pyramid"], ["random-vgg"], ["vgg3", "--vgg", tmp_path / "vgg.pth"]):
        run = tmp_path / f"{len(found)}"
        words = ["tiny", video, "-o", run, *NETWORKS, *BRIEF, "--steps", 1, "--compare", *more]
        assert train(*words, "--log-every", 1, "--cache", tmp_path / "cache") == 0
        found.append(json.loads((run / "log.jsonl").read_text().splitlines()[0])["losses"]["low"])
    assert min(found) > 0
    assert len({round(value, 6) for value in found}) == 3


def test_videos_have_no_twins(tmp_path: Path, video: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("tiny", video, "-o", tmp_path / "run", *NETWORKS, *BRIEF, "--steps", 1, "--crossed", 0.5) == 2
    assert "crossed is 0.5, but the data show nobody else in the same motion: it must be 0" in capsys.readouterr().err


def test_one_video_is_enough(tmp_path: Path, video: Path) -> None:
    """Its last fifth is held out; there are no true masks."""
    run = tmp_path / "run"
    assert train("tiny", video, "-o", run, *NETWORKS, *BRIEF, "--steps", 2) == 0
    record = json.loads((run / "animation.json").read_text())
    assert "iou" not in record["quality"]
    assert record["data"] == f"1 videos of {video}"
    again = ["tiny", video, "-o", tmp_path / "again", *NETWORKS, *BRIEF, "--steps", 1]
    assert train(*again, "--weights", run / "animation.safetensors", "--lr", 1e-9) == 0
    first, second = (load_model(tmp_path / name / "animation.safetensors") for name in ("run", "again"))
    torch.testing.assert_close(first.mask_generator.head.weight, second.mask_generator.head.weight)


def test_bad_input_is_told_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, fault in (
        (["tiny", tmp_path / "none"], "none does not exist"),
        (["tiny", "--rendered", 0], "--rendered must be 1 or more, got 0"),
        (["tiny", "--watched", 0], "--watched must be 1 or more, got 0"),
        (["vox", tmp_path, "--vgg", tmp_path / "vgg.pth"], "vgg.pth"),
        (["tinny"], "has no command 'tinny'"),
    ):
        assert train(*words, "-o", tmp_path / "run") == 2
        assert fault in capsys.readouterr().err
    assert not (tmp_path / "run" / "animation.safetensors").exists()


def test_presets_are_as_published() -> None:
    published = {
        name: preset(output=Path("run"), data=Path("data")) for name, preset in PRESETS.items() if name != "tiny"
    }
    taichi, vox, bair = (published[name] for name in ("taichi", "vox", "bair"))
    assert [verb.config.batch_size for verb in (taichi, vox, bair)] == [20, 16, 18]
    assert [verb.model.threshold * 255 for verb in (taichi, vox, bair)] == pytest.approx([60, 100, 60])
    sampling = [(verb.clips.id_sampling, verb.clips.repeats) for verb in (taichi, vox, bair)]
    assert sampling == [(True, 150), (True, 75), (False, 1)]
    assert [verb.loss.compare for verb in (taichi, vox, bair)] == ["vgg5", "vgg3", "vgg5"]
    for verb in (taichi, vox, bair):
        config, loss = verb.config, verb.loss
        assert (config.epochs, config.lr, config.betas, config.milestones) == (100, 2e-4, (0.5, 0.999), (0.6, 0.9))
        assert (loss.refine_from, loss.swap_from, loss.mask_weight) == (1, 2, 100)
        assert (loss.truth_weight, loss.pseudo_pairs, loss.generated) == (0, 0, 0)
        assert (loss.crossed, loss.redrawn, loss.consistency_weight) == (0, 0, 0)
        assert not verb.head_start
