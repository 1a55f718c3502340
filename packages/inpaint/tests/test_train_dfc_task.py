"""Training of flow completion: samples, task, settings, command."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from maskreel.common.cli import main
from maskreel.common.errors import InputError
from maskreel.common.training import TrainingConfig, train
from maskreel.common.video import Clip, read, write, write_frames
from maskreel.common.weights import load_state_dict, save_half
from maskreel.inpaint.commands.train_dfc import train_dfc
from maskreel.inpaint.dfc import Cascade
from maskreel.inpaint.dfc.small import SmallStage
from maskreel.inpaint.dfc_training.clips import ClipSamples, WindowSamples, open_clip, save_clip
from maskreel.inpaint.dfc_training.render import HELD_OUT_SEED, clip_sources
from maskreel.inpaint.dfc_training.settings import PUBLISHED, SMALL, CompletionData, CompletionLoss, preset
from maskreel.inpaint.dfc_training.task import CompletionTask, scaled_learning_rate

LOSS = CompletionLoss(hard=1.0, relative=0.3)

TRAIN_AND_DIE = """
import os, signal, sys
from maskreel.common.cli import main
from maskreel.inpaint.dfc_training.task import CompletionTask

losses, left = CompletionTask.losses, 4

def dying(*args):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return losses(*args)

CompletionTask.losses = dying
main(sys.argv[1:])
"""


def _clip(seed=0, pairs=4, size=(12, 16)):
    """Wrong by 0.5 everywhere in the hole, which moves; flow p of each direction has the value p in v."""
    rng = np.random.default_rng(seed)
    clip = np.zeros((pairs, 9, *size), np.float32)
    clip[:, 4:8:2] = rng.normal(0, 1, (1, 1, *size))
    clip[:, 5] = clip[:, 7] = np.arange(pairs)[:, None, None]
    clip[:, 8, 3:9] = 1
    clip[:, :4] = clip[:, 4:8] + 0.5 * clip[:, 8:]
    return clip.astype(np.float16)


@pytest.fixture
def paths(tmp_path):
    found = [tmp_path / f"clip{i}.npy" for i in range(3)]
    for i, path in enumerate(found):
        save_clip(path, _clip(i))
    return found


def test_clips_come_back_and_strangers_are_refused(tmp_path, paths):
    assert np.array_equal(open_clip(paths[1]), _clip(1))
    broken = tmp_path / "broken.npy"
    broken.write_bytes(b"\x93NUMPY")
    with pytest.raises(InputError, match=r"broken\.npy cannot be read as an \.npy array"):
        open_clip(broken)
    np.save(broken, np.zeros((2, 9, 4, 4)))
    with pytest.raises(InputError, match=r"holds float64 \(2, 9, 4, 4\), expected float16 \(P, 9, h, w\)"):
        open_clip(broken)
    save_clip(broken, _clip(size=(8, 8)))
    with pytest.raises(InputError, match="has clips of several sizes"):
        ClipSamples([broken, *paths])


def test_windows_hold_the_flows_around_the_drawn_pair(paths):
    samples = WindowSamples(paths, time_ordered=True, vary=False, repeats=8)
    assert len(samples) == 24
    torch.manual_seed(0)
    orders = set()
    for sample in [samples[i] for i in range(24)]:
        times = sample["windows"].view(11, 3, 12, 16)[:, 1, 0, 0].tolist()
        centre = int(sample["truth"][1, 0, 0])
        assert times[5] == centre
        ascending = [min(max(t, 0), 3) for t in range(centre - 5, centre + 6)]
        assert times in (ascending, ascending[::-1])
        orders.add(times == ascending)
        assert torch.equal(sample["windows"][17:18], sample["hole"])
    assert orders == {True, False}
    torch.manual_seed(0)
    plain = WindowSamples(paths, time_ordered=False, vary=False, repeats=8)
    assert all(sorted(t) == t for t in (plain[i]["windows"].view(11, 3, 12, 16)[:, 1, 0, 0].tolist() for i in range(9)))


def test_varied_clips_are_clips_of_the_mirrored_world_and_of_time_run_backward(paths):
    original, seen = torch.from_numpy(open_clip(paths[0]).astype(np.float32)), set()
    for seed in range(60):
        torch.manual_seed(seed)
        clip = ClipSamples(paths[:1])[0]
        found = [
            (flips, turned)
            for flips in ((), (-1,), (-2,), (-1, -2))
            for turned in (False, True)
            if _same(clip, _varied(original, flips, turned))
        ]
        assert len(found) == 1
        seen.add(found[0])
    assert len(seen) == 8


def _varied(clip, flips, turned):
    """By hand: mirrored along the axes, and run backward, where what leads forward is what led back."""
    signs = torch.tensor([-1.0 if -1 in flips else 1.0, -1.0 if -2 in flips else 1.0])[:, None, None]
    forward, backward, true_forward, true_backward = (clip[:, k : k + 2].flip(flips) * signs for k in range(0, 8, 2))
    parts = [forward, backward, true_forward, true_backward, clip[:, 8:].flip(flips)]
    if turned:
        parts = [parts[k].flip(0) for k in (1, 0, 3, 2, 4)]
    return dict(zip(("forward", "backward", "true_forward", "true_backward", "holes"), parts, strict=True))


def _same(sample, expected):
    return all(torch.equal(sample[name], value) for name, value in expected.items())


def _samples(kind, paths):
    torch.manual_seed(0)
    samples = WindowSamples(paths, time_ordered=True, vary=False) if kind == "1" else ClipSamples(paths, vary=False)
    return [samples[i] for i in range(len(samples))]


def _cascade(count):
    torch.manual_seed(0)
    return Cascade(
        *(SmallStage(*((33, 2) if i == 0 else (66, 4)), cells=None) for i in range(count)), fractions=(1.0,) * count
    )


@pytest.mark.parametrize(("stage", "count"), [("1", 1), ("2", 2), ("3", 3), ("joint", 2)])
def test_losses_and_quality_of_an_untrained_network_are_known(stage, count, paths):
    """It is wrong by (0.5, 0.5) in the hole, everywhere the same, so nothing is hard."""
    save_clip(paths[0], _clip(pairs=2))
    held_out = _samples(stage, paths[:1])
    task = CompletionTask(_cascade(count), stage, loss=CompletionLoss(2.0, 0.0), held_out=held_out, pixels=4.0)
    batch = torch.utils.data.default_collate(held_out)
    losses = task.losses(task.module, batch)
    per_direction = 1.0
    expected = {"1": per_direction, "2": 2.0, "3": 2.0, "joint": 4.0}[stage]
    assert losses["hole"].item() == pytest.approx(expected, abs=0.01)
    assert losses["hard"].item() <= 2 * 1.05 * expected
    with torch.no_grad():
        quality = task.evaluate(task.module.eval())
        picture = task.samples(task.module)
    assert quality["epe"] == pytest.approx(4 * 0.5**0.5, abs=0.01)
    assert quality["epe_input"] == pytest.approx(quality["epe"], abs=1e-4)
    assert quality["better"] == 0
    assert picture is not None
    assert picture.dtype == torch.uint8


@pytest.mark.parametrize(("stage", "count", "trained"), [("1", 1, {1}), ("2", 2, {2}), ("joint", 2, {1, 2})])
def test_only_the_stage_that_is_asked_for_is_trained(stage, count, trained, paths):
    save_clip(paths[0], _clip(pairs=2))
    cascade = _cascade(count)
    task = CompletionTask(cascade, stage, loss=LOSS)
    losses = task.losses(task.module, torch.utils.data.default_collate(_samples(stage, paths[:1])))
    sum(losses.values()).backward()  # pyright: ignore[reportAttributeAccessIssue]
    moved = {
        number
        for number, part in enumerate(cascade.stages, 1)
        if any(parameter.grad is not None and parameter.grad.any() for parameter in part.parameters())
    }
    assert moved == trained


def test_training_removes_a_constant_fault(paths, tmp_path):
    """Every hole is wrong by (0.5, 0.5); some steps remove most of it."""
    samples = WindowSamples(paths, time_ordered=True, repeats=20)
    held_out = _samples("1", paths)
    task = CompletionTask(_cascade(1), "1", loss=LOSS, held_out=held_out)
    config = replace(SMALL, steps=14, batch_size=2, lr=5e-3, ema=None, evaluate_every=14, threads=1, device="cpu")
    result = train(task, samples, config, tmp_path / "run")
    assert result.metrics["epe"] < 0.7 * result.metrics["epe_input"]


def test_the_head_learns_ten_times_as_fast():
    """As with a group of its own in the optimiser, weight decay included."""
    torch.manual_seed(0)
    ours, reference = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    reference.load_state_dict(ours.state_dict())
    scaled_learning_rate([dict(ours.named_parameters())["weight"]], 10, weight_decay=0.01)
    optimiser = torch.optim.SGD(ours.parameters(), lr=0.01, momentum=0.9, weight_decay=0.01)
    groups = [{"params": [reference.weight], "lr": 0.1}, {"params": [reference.bias]}]
    other = torch.optim.SGD(groups, lr=0.01, momentum=0.9, weight_decay=0.01)
    for _ in range(4):
        x = torch.randn(5, 3)
        for network, stepper in ((ours, optimiser), (reference, other)):
            stepper.zero_grad()
            network(x).square().sum().backward()
            stepper.step()
    assert torch.allclose(ours.weight, reference.weight, atol=1e-5)
    assert torch.allclose(ours.bias, reference.bias, atol=1e-5)


def test_misfit_tasks_are_refused():
    with pytest.raises(ValueError, match="cascade must have 2 stages to train stage 2, got 1"):
        CompletionTask(_cascade(1), "2", loss=LOSS)
    with pytest.raises(ValueError, match="loss must have numbers"):
        CompletionTask(_cascade(1), "1", loss=CompletionLoss())


def test_dfc_s_gets_the_published_settings_unless_told_otherwise():
    first = preset(SMALL, "dfc-s", "1")
    assert first == PUBLISHED
    assert (first.optimiser, first.lr, first.batch_size, first.steps) == ("sgd", 1e-4, 32, 100_000)
    refining = preset(replace(SMALL, batch_size=16), "dfc-s", "3")
    assert (refining.lr, refining.steps, refining.batch_size) == (5e-5, 500_000, 16)
    assert refining.milestones == (0.1, 0.2, 0.6)
    assert preset(SMALL, "small", "1") == SMALL
    assert CompletionLoss().resolved("dfc-s", "1") == CompletionLoss(2.0, 0.0)
    assert CompletionLoss().resolved("dfc-s", "2") == CompletionLoss(1.0, 0.0)
    assert CompletionLoss(relative=0.0).resolved("small", "1") == CompletionLoss(1.0, 0.0)


def test_misfit_settings_are_refused():
    with pytest.raises(ValueError, match="hard must be 0 or more, got -1"):
        CompletionLoss(hard=-1)
    with pytest.raises(ValueError, match="world must be 0 or more, got -2"):
        CompletionData(world=-2)
    with pytest.raises(ValueError, match="64 or more each, got"):
        CompletionData(size=(32, 432))
    with pytest.raises(ValueError, match="frames must be 2 or more, got 1"):
        CompletionData(frames=1)


def test_held_out_clips_are_never_learned_from():
    learned, held = clip_sources(CompletionData(planes=5, world=3, watched=4))
    assert [source.kind for source in learned] == ["planes"] * 5 + ["world"] * 3
    assert len(held) == 4
    assert all(source.seed >= HELD_OUT_SEED for source in held)
    assert not {source.name for source in learned} & {source.name for source in held}
    with pytest.raises(InputError, match="nothing to learn from"):
        clip_sources(CompletionData(planes=0, world=0))


def _write_video(folder, frames):
    rng = np.random.default_rng(0)
    wide = rng.integers(0, 255, (64, 96 + 3 * frames, 3), np.uint8)
    pictures = np.stack([wide[:, 3 * t : 3 * t + 96] for t in range(frames)])
    write_frames(folder, [Clip(torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous(), Fraction(25))])


def test_videos_are_cut_into_clips_and_bad_ones_are_named(tmp_path, caplog):
    videos = tmp_path / "videos"
    videos.mkdir()
    _write_video(videos / "good", 12)
    (videos / "broken.mp4").write_bytes(b"no video")
    (videos / "notes.txt").write_text("not a video either")
    data = CompletionData(planes=0, world=0, videos=videos, size=(64, 96), frames=4, watched=1)
    with pytest.raises(InputError, match=r"broken\.mp4"):
        clip_sources(data)
    learned, held = clip_sources(data, skip_bad=True)
    assert "broken.mp4" in caplog.text
    assert sorted(source.start for source in learned + held) == [0, 4, 8]
    assert learned[0].material((64, 96), 4).frames.shape == (4, 64, 96, 3)
    write(videos / "short.gif", read(videos / "good", stop=4), codec="gif")
    (videos / ".thumbs").mkdir()
    (videos / "broken.mp4").unlink()
    learned, held = clip_sources(data)
    assert [source.video for source in learned + held] == [videos / "good"] * 3 + [videos / "short.gif"]
    (videos / "short.gif").unlink()
    with pytest.raises(InputError, match="there is no such folder"):
        clip_sources(replace(data, videos=tmp_path / "none"))
    with pytest.raises(InputError, match="has 12 frames, but a clip needs 13"):
        clip_sources(replace(data, frames=13))


def test_the_command_trains_stage_after_stage(tmp_path):
    config = TrainingConfig(**{**SMALL.__dict__, "threads": 1, "device": "cpu"})
    data = CompletionData(cache=tmp_path / "clips")
    run = train_dfc
    assert run(tmp_path / "one", config=config, data=data, smoke=True) == 0
    first = tmp_path / "one" / "cascade.safetensors"
    made = sorted(path.name for path in (tmp_path / "clips").rglob("*.npy"))
    assert run(tmp_path / "two", stage="2", weights=(first,), config=config, data=data, smoke=True) == 0
    assert sorted(path.name for path in (tmp_path / "clips").rglob("*.npy")) == made  # not made again
    second = tmp_path / "two" / "cascade.safetensors"
    assert run(tmp_path / "all", stage="joint", weights=(second,), config=config, data=data, smoke=True) == 0
    before, after = load_state_dict(first), load_state_dict(second)
    assert all(torch.equal(after[key], value) for key, value in before.items())  # stage 1 stayed as it was
    assert {key.partition(".")[0] for key in after} == {"stage1", "stage2"}
    record = json.loads((tmp_path / "two" / "cascade.json").read_text())
    assert record["steps"] == 2
    assert record["stage"] == "2"
    assert set(record["quality"]) == {"epe", "epe_input", "better"}
    assert list((tmp_path / "two" / "samples").iterdir())


def test_a_training_that_was_killed_ends_with_the_same_weights(tmp_path, monkeypatch):
    """It is killed in the fourth of five steps, goes on with the third, and matches a run that nothing befell."""
    pytest.importorskip("mmengine")
    words = "--planes 3 --world 0 --watched 1 --size 64 96 --frames 3 --steps 5 --batch-size 2 --threads 1 --device cpu"
    often = "--checkpoint-every 2 --evaluate-every 5 --samples-every 5 --log-every 1 --cache"
    command = ["-q", "inpaint", "train-dfc", *words.split(), *often.split(), str(tmp_path / "clips"), "-o"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert main([*command, str(whole)]) == 0
    alone = os.environ | {"OMP_NUM_THREADS": "1"}
    died = subprocess.run([sys.executable, "-c", TRAIN_AND_DIE, *command, str(broken)], check=False, env=alone)
    assert died.returncode == -signal.SIGKILL
    assert not (broken / "cascade.safetensors").exists()
    losses, steps = CompletionTask.losses, []

    def counted(*args):
        steps.append(1)
        return losses(*args)

    monkeypatch.setattr(CompletionTask, "losses", counted)
    assert main([*command, str(broken)]) == 0
    assert len(steps) == 3
    for name in ("cascade.safetensors", "final.safetensors"):
        assert (broken / name).read_bytes() == (whole / name).read_bytes()
    quality = [json.loads((run / "cascade.json").read_text())["quality"] for run in (whole, broken)]
    assert quality[0] == quality[1]


def test_the_command_names_what_is_missing(tmp_path):
    run = train_dfc
    with pytest.raises(InputError, match="--stage 2 needs --weights with stage 1"):
        run(tmp_path / "run", stage="2", smoke=True)
    with pytest.raises(InputError, match="--stage joint needs --weights"):
        run(tmp_path / "run", stage="joint", smoke=True)
    with pytest.raises(InputError, match=r"none\.safetensors: there is no such file of weights"):
        run(tmp_path / "run", weights=(tmp_path / "none.safetensors",), smoke=True)
    other = tmp_path / "other.safetensors"
    save_half(other, torch.nn.Linear(2, 2), {})
    with pytest.raises(InputError, match=r"other\.safetensors does not hold weights of DFC-Net"):
        run(tmp_path / "run", weights=(other,), smoke=True)
