"""Rendered people: files that are made once, and pairs from them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from maskreel.animate.training import actors
from maskreel.animate.training.actors import ActorPairs, render_actors
from maskreel.common.errors import InputError
from maskreel.common.world import ActorsScene

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {"source", "driving", "target", "source_mask", "driving_mask"}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return render_actors(tmp_path_factory.mktemp("actors"), 2, size=32, seed=4)


def contents(path: Path) -> tuple[Tensor, Tensor]:
    with np.load(path) as stored:
        masks = np.unpackbits(stored["masks"]).reshape(8, 32, 32)
        return torch.from_numpy(stored["frames"]), torch.from_numpy(masks).bool()


def scene_of(number: int) -> tuple[ActorsScene, int]:
    """That of a rendered file, and the seed of who does what where."""
    seed = int(np.random.SeedSequence([4, number]).generate_state(1)[0])
    height = np.random.default_rng([seed, 2]).uniform(0.7, 0.84)
    return ActorsScene(size=(32, 32), frames=8, fps=Fraction(4), person_height=height), seed


def test_files_hold_the_scene(rendered: list[Path]) -> None:
    scene, seed = scene_of(1)
    made = scene.render(seed)
    frames, masks = contents(rendered[1])
    assert torch.equal(frames, torch.as_tensor(made.clip.frames).permute(0, 2, 3, 1))
    assert torch.equal(masks, made.visible.any(dim=1))
    with np.load(rendered[1]) as stored:
        plate = torch.from_numpy(stored["plate"])
    assert torch.equal(plate, made.plate[0].permute(1, 2, 0))
    assert 0.02 < masks.float().mean() < 0.8
    assert (frames.float() - plate.float()).abs().mean(-1)[masks].mean() > 10, "the plate is empty where the person is"
    assert not torch.equal(frames, contents(rendered[0])[0])


def test_what_is_there_stays(rendered: list[Path], tmp_path: Path) -> None:
    for path in rendered:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / rendered[1].name).unlink()
    (tmp_path / rendered[0].name).write_bytes(b"mine")
    told: list[int] = []
    assert render_actors(tmp_path, 2, size=32, seed=4, progress=told.append) == [
        tmp_path / one.name for one in rendered
    ]
    assert told == [1, 1]
    assert (tmp_path / rendered[0].name).read_bytes() == b"mine"
    assert torch.equal(contents(tmp_path / rendered[1].name)[0], contents(rendered[1])[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == [path.name for path in rendered]


def test_processes_share_the_rendering(rendered: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each begins elsewhere; what another has made meanwhile is left alone."""
    made: list[str] = []
    render = actors._render

    def noted(path: Path, number: int, **options: int) -> None:
        assert not path.exists()
        made.append(path.stem)
        render(path, number, **options)
        if number == 1:  # the other process is quicker
            for name in ("000002", "000000"):
                (tmp_path / f"32_4_{name}.npz").write_bytes(rendered[0].read_bytes())

    monkeypatch.setattr(actors, "_render", noted)
    told: list[int] = []
    paths = render_actors(tmp_path, 3, size=32, seed=4, place=(1, 2), progress=told.append)
    assert (made, sum(told)) == (["32_4_000001"], 3)
    assert all(path.is_file() for path in paths)
    assert sorted(path.name for path in tmp_path.iterdir()) == [path.name for path in paths], "no locks are left"


def test_workers_render_the_same(rendered: list[Path], tmp_path: Path) -> None:
    told: list[int] = []
    paths = render_actors(tmp_path, 2, size=32, seed=4, workers=2, progress=told.append)
    assert told == [0, 1, 1]
    assert all(torch.equal(contents(mine)[0], contents(one)[0]) for mine, one in zip(paths, rendered, strict=True))
    assert render_actors(tmp_path, 2, size=32, seed=4, workers=2) == paths


def others(path: Path, name: str) -> tuple[Tensor, Tensor]:
    with np.load(path) as stored:
        masks = np.unpackbits(stored[f"{name}_masks"]).reshape(8, 32, 32)
        return torch.from_numpy(stored[f"{name}_frames"]), torch.from_numpy(masks).bool()


def twins(path: Path) -> tuple[Tensor, Tensor]:
    return others(path, "twin")


def test_a_twin_is_somebody_else_elsewhere_in_the_same_motion(rendered: list[Path]) -> None:
    scene, seed = scene_of(0)
    person, pose, place, other, elsewhere = np.random.SeedSequence([seed, 1]).generate_state(5).tolist()
    made = scene.compose(other, pose, elsewhere)
    frames, masks = twins(rendered[0])
    assert torch.equal(frames, torch.as_tensor(made.clip.frames).permute(0, 2, 3, 1))
    assert torch.equal(masks, made.visible.any(dim=1))
    assert torch.equal(contents(rendered[0])[1], scene.compose(person, pose, place).visible.any(dim=1)), "the same pose"
    assert not torch.equal(masks, contents(rendered[0])[1]), "of another build"


def test_the_person_moves_otherwise_in_the_same_scene(rendered: list[Path]) -> None:
    scene, seed = scene_of(0)
    person, _, place, _, _, other_pose = np.random.SeedSequence([seed, 1]).generate_state(6).tolist()
    made = scene.compose(person, other_pose, place)
    frames, masks = others(rendered[0], "moved")
    assert torch.equal(frames, torch.as_tensor(made.clip.frames).permute(0, 2, 3, 1))
    assert torch.equal(masks, made.visible.any(dim=1))
    assert not torch.equal(masks, contents(rendered[0])[1])


def test_every_other_source_is_from_another_motion(rendered: list[Path]) -> None:
    """Only with twins and jitter; the driving frame never is."""

    def small(masks: Tensor) -> Tensor:
        return F.avg_pool2d(torch.cat([masks, masks.flip(-1)]).float()[:, None], 2)

    own, moved = small(contents(rendered[0])[1]), small(others(rendered[0], "moved")[1])
    drawn = 0
    for seed in range(30):
        torch.manual_seed(seed)
        sample = ActorPairs(rendered, factor=2, twins=True)[0]
        far = [(masks - sample["source_mask"]).abs().sum((1, 2, 3)).min() for masks in (own, moved)]
        assert min(far) == 0
        drawn += int(far[1] == 0)
        assert (own - sample["driving_mask"]).abs().sum((1, 2, 3)).min() == 0
    assert 8 <= drawn <= 22
    for seed in range(10):
        torch.manual_seed(seed)
        sample = ActorPairs(rendered, factor=2)[0]
        assert (own - sample["source_mask"]).abs().sum((1, 2, 3)).min() == 0


def test_pairs_with_twins(rendered: list[Path]) -> None:
    """At the driving frame; the rest is as without, also its draws."""
    sample = ActorPairs(rendered, factor=2, jitter=False, twins=True)[0]
    assert sample.keys() == {*KEYS, "twin", "twin_mask"}
    frames, masks = twins(rendered[0])
    assert torch.equal(sample["twin"], frames[7].permute(2, 0, 1).float() / 255)
    assert torch.equal(sample["twin_mask"], F.avg_pool2d(masks[7].float()[None], 2))
    alone, shown = 0, F.avg_pool2d(torch.cat([masks, masks.flip(-1)]).float()[:, None], 2)
    for seed in range(30):
        torch.manual_seed(seed)
        sample = ActorPairs(rendered, factor=2, twins=True)[0]
        if torch.equal(sample["twin_mask"], sample["driving_mask"]):
            alone += 1
            assert not torch.equal(sample["twin"], sample["driving"]), "jitter of its own"
            continue
        number = int((shown - sample["twin_mask"]).abs().sum((1, 2, 3)).argmin())
        assert torch.equal(shown[number], sample["twin_mask"])
        own = F.avg_pool2d(contents(rendered[0])[1].float()[:, None], 2)
        own = torch.cat([own, own.flip(-1)])
        assert torch.equal(own[number], sample["driving_mask"]), "the same moment, mirrored alike"
    assert 2 <= alone <= 16


@pytest.mark.parametrize("left", [(), ("twin_frames", "twin_masks")])
def test_files_without_twins(rendered: list[Path], tmp_path: Path, left: tuple[str, ...]) -> None:
    """Those of an earlier version go on working where no twins are wanted."""
    with np.load(rendered[0]) as stored:
        np.savez(tmp_path / "old.npz", **{name: stored[name] for name in ("frames", "masks", "plate", *left)})
    assert ActorPairs([tmp_path / "old.npz"], factor=2)[0].keys() == KEYS
    with pytest.raises(InputError, match=r"old\.npz shows no second person in the same motion"):
        ActorPairs([tmp_path / "old.npz"], factor=2, twins=True)[0]


def test_pairs_without_jitter(rendered: list[Path]) -> None:
    pairs = ActorPairs(rendered, factor=2, jitter=False)
    assert len(pairs) == 2
    sample, (frames, masks) = pairs[0], contents(rendered[0])
    assert sample.keys() == KEYS
    pictures = frames.permute(0, 3, 1, 2).float() / 255
    assert torch.equal(sample["source"], pictures[0])
    assert torch.equal(sample["target"], pictures[7])
    assert torch.equal(sample["driving"], pictures[7])
    small = F.avg_pool2d(masks.float()[:, None], 2)
    assert torch.equal(sample["source_mask"], small[0])
    assert torch.equal(sample["driving_mask"], small[7])
    assert all(torch.equal(value, pairs[0][name]) for name, value in sample.items())


def nearest(picture: Tensor, pictures: Tensor) -> tuple[int, float]:
    """The frame that a jittered one came from, and how far it is from it."""
    far = (pictures - picture).abs().mean(dim=(1, 2, 3))
    return int(far.argmin()), float(far.min())


def test_pairs_with_jitter(rendered: list[Path]) -> None:
    """Two different frames; source and target share a change of colours, driving has another; all mirrored or none."""
    pairs, (frames, masks) = ActorPairs(rendered, factor=2), contents(rendered[0])
    pictures, small = frames.permute(0, 3, 1, 2).float() / 255, F.avg_pool2d(masks.float()[:, None], 2)
    mirrored = 0
    for seed in range(12):
        torch.manual_seed(seed)
        sample = pairs[0]
        torch.manual_seed(seed)
        assert all(torch.equal(value, sample[name]) for name, value in pairs[0].items())
        flipped = nearest(sample["source"], pictures)[1] > nearest(sample["source"], pictures.flip(-1))[1]
        mirrored += flipped
        shown, covers = (pictures.flip(-1), small.flip(-1)) if flipped else (pictures, small)
        first, second = (
            int((covers - sample[f"{name}_mask"]).abs().sum((1, 2, 3)).argmin()) for name in ("source", "driving")
        )
        assert torch.equal(covers[first], sample["source_mask"])
        assert torch.equal(covers[second], sample["driving_mask"])
        assert first != second
        assert not torch.equal(sample["driving"], sample["target"])
        for name, number in (("source", first), ("target", second), ("driving", second)):
            assert sample[name].dtype == torch.float32
            assert 0 <= sample[name].min() <= sample[name].max() <= 1
            assert (sample[name] - shown[number]).abs().mean() < 0.15
    assert 1 < mirrored < 11


def test_frames_of_a_pair(rendered: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the change of colours target and driving are the same frame, source another one."""
    monkeypatch.setattr("maskreel.animate.training.actors.jittered", lambda pictures: pictures)
    pairs, pictures = ActorPairs(rendered, factor=2), contents(rendered[0])[0].permute(0, 3, 1, 2).float() / 255
    for seed in range(6):
        torch.manual_seed(seed)
        sample = pairs[0]
        assert torch.equal(sample["driving"], sample["target"])
        both = torch.cat([pictures, pictures.flip(-1)])
        first, second = (int((both - sample[name]).abs().sum((1, 2, 3)).argmin()) for name in ("source", "target"))
        assert torch.equal(both[first], sample["source"])
        assert torch.equal(both[second], sample["target"])
        assert first // 8 == second // 8, "mirrored both or none"
        assert first != second


def test_source_and_target_share_their_colours(rendered: list[Path], tmp_path: Path) -> None:
    """With equal frames they are equal, and driving is not."""
    with np.load(rendered[0]) as stored:
        same = np.repeat(stored["frames"][:1], 8, axis=0)
        np.savez(tmp_path / "still.npz", frames=same, masks=stored["masks"], plate=stored["plate"])
    sample = ActorPairs([tmp_path / "still.npz"], factor=2)[0]
    torch.testing.assert_close(sample["source"], sample["target"])
    assert (sample["source"] - sample["driving"]).abs().mean() > 1e-3


def test_limits(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="clips and workers must be 1 or more, got 0 and 1"):
        render_actors(tmp_path, 0, size=32, seed=0)
    with pytest.raises(ValueError, match="clips and workers must be 1 or more, got 1 and 0"):
        render_actors(tmp_path, 1, size=32, seed=0, workers=0)
    with pytest.raises(ValueError, match="paths must be one or more, got none"):
        ActorPairs([], factor=2)
