from __future__ import annotations

import csv
import json
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
import torch

from maskreel.animate.commands.reconstruct import reconstruct
from maskreel.animate.data import ClipPath
from maskreel.animate.evaluation import reconstruct_video
from maskreel.animate.metrics import PictureScore, l1
from maskreel.animate.weights import save_model
from maskreel.common.masks import write_masks
from maskreel.common.video import Clip, probe, write, write_frames

if TYPE_CHECKING:
    from pathlib import Path

    from maskreel.animate.model import AnimationModel


def noise(count: int, size: tuple[int, int] = (32, 32)) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, *size), generator=torch.Generator().manual_seed(1)).byte()


@pytest.fixture
def weights(model: AnimationModel, tmp_path: Path) -> Path:
    save_model(model, tmp_path / "small.safetensors")
    return tmp_path / "small.safetensors"


def test_scores_are_those_of_the_whole_video_at_once(model: AnimationModel, tmp_path: Path):
    frames = noise(11)  # more than one chunk
    write(tmp_path / "a.mkv", Clip(frames, Fraction(5)), codec="ffv1")
    found = reconstruct_video(model, ClipPath("a", tmp_path / "a.mkv"), methods=("copy", "raw", "refined"))
    pictures = frames.float() / 255
    with torch.inference_mode():
        source, masks = model.source(pictures[:1]), model.masks(pictures)
        refined = model.refined(source, masks)
        for method, mask in (("raw", masks), ("refined", refined)):
            made = (model.pictures(source, mask)[1] * 255).round().byte()
            assert found[method]["l1"] == pytest.approx(l1(made, frames).mean().item(), rel=1e-3)
            steps = (made[1:].float() - made[:-1].float()) - (frames[1:].float() - frames[:-1].float())
            assert found[method]["flicker"] == pytest.approx(steps.abs().mean().item() / 255, rel=0.1)
    assert found["copy"]["l1"] == pytest.approx(l1(frames[:1].expand_as(frames), frames).mean().item())
    assert found["refined"]["l1"] != found["raw"]["l1"]


def test_true_masks_beside_a_video_say_where_the_subject_is(model: AnimationModel, tmp_path: Path) -> None:
    frames = noise(9)
    masks = torch.zeros(9, 32, 32, dtype=torch.bool)
    masks[:, 8:24, 8:24] = True
    write(tmp_path / "a.mkv", Clip(frames, Fraction(5)), codec="ffv1")
    write_masks(tmp_path / "masks", masks)
    clip = ClipPath("a", tmp_path / "a.mkv", tmp_path / "masks")
    found = reconstruct_video(model, clip, methods=("copy",), frames=9)["copy"]
    expected = PictureScore()
    expected.update(frames[:1].expand_as(frames).contiguous(), frames, masks)
    for name in ("l1_foreground", "psnr_background", "ssim_boundary"):
        assert found[name] == pytest.approx(expected.compute()[name])


def test_no_more_frames_than_wanted_are_looked_at(model: AnimationModel, tmp_path: Path):
    frames = noise(11)
    write(tmp_path / "a.mkv", Clip(frames, Fraction(5)), codec="ffv1")
    seen: list[torch.Tensor] = []
    reconstruct_video(
        model,
        ClipPath("a", tmp_path / "a.mkv"),
        methods=("copy",),
        frames=9,
        on_frames=lambda driving, made: seen.append(driving),
    )
    assert torch.equal(torch.cat(seen), frames[:9])


def test_frames_of_any_size_are_seen_whole(model: AnimationModel, tmp_path: Path):
    write(tmp_path / "a.mkv", Clip(noise(2, (20, 40)), Fraction(5)), codec="ffv1")
    seen: list[torch.Tensor] = []
    clip = ClipPath("a", tmp_path / "a.mkv")
    reconstruct_video(model, clip, methods=("copy",), on_frames=lambda driving, made: seen.append(driving))
    assert seen[0].shape == (2, 3, 32, 32)
    assert torch.equal(seen[0][:, :, 0], seen[0][:, :, 6])  # the border, repeated above the frame


def test_the_command_writes_tables_and_a_film(tmp_path, weights, capsys):
    write(tmp_path / "walk.mkv", Clip(noise(10), Fraction(5)), codec="ffv1")
    assert reconstruct(tmp_path / "walk.mkv", tmp_path / "out", weights=weights) == 0
    with (tmp_path / "out" / "scores.csv").open() as stream:
        rows = {row["method"]: row for row in csv.DictReader(stream)}
    assert list(rows) == ["copy", "raw", "refined"]
    stored = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert stored["scores"]["reconstruction"]["raw"]["l1"]["mean"] == float(rows["raw"]["l1"])
    film = probe(tmp_path / "out" / "walk.mkv.mp4")
    assert (film.frame_count, film.fps) == (10, 5)
    assert film.size[1] > 4 * 32  # driving, copy, raw, refined
    text = capsys.readouterr().out
    assert "== reconstruction ==" in text
    assert f"{float(rows['refined']['l1']):.4f}" in text


def test_the_command_takes_folders_of_videos_and_of_frames(tmp_path, weights):
    write(tmp_path / "in" / "walk.mkv", Clip(noise(3), Fraction(5)), codec="ffv1")
    write_frames(tmp_path / "in" / "deep" / "run.mp4", [Clip(noise(4), Fraction(5))])
    reconstruct(tmp_path / "in", tmp_path / "out", weights=weights, clips=False)
    with (tmp_path / "out" / "scores.csv").open() as stream:
        assert {row["video"] for row in csv.DictReader(stream)} == {"walk.mkv", "deep/run.mp4"}
    assert not list((tmp_path / "out").glob("*.mp4"))
    reconstruct(tmp_path / "in", tmp_path / "out", weights=weights, frames=2)
    assert {path.name for path in (tmp_path / "out").glob("*.mp4")} == {"walk.mkv.mp4", "deep_run.mp4"}
    assert probe(tmp_path / "out" / "deep_run.mp4").frame_count == 2


def test_a_video_is_used_from_its_first_frame_on(tmp_path, weights):
    frames = noise(10)
    write(tmp_path / "walk.mkv", Clip(frames, Fraction(5)), codec="ffv1")
    reconstruct(tmp_path / "walk.mkv", tmp_path / "out", weights=weights, clips=False)
    stored = json.loads((tmp_path / "out" / "scores.json").read_text())
    expected = l1(frames[:1].expand_as(frames), frames).mean().item()
    assert stored["scores"]["reconstruction"]["copy"]["l1"]["mean"] == pytest.approx(expected)


def test_in_the_published_layout_the_test_videos_are_used(tmp_path, weights):
    for split, name in (("train", "a"), ("test", "b")):
        write(tmp_path / "in" / split / f"{name}.mkv", Clip(noise(2), Fraction(5)), codec="ffv1")
    reconstruct(tmp_path / "in", tmp_path / "out", weights=weights, clips=False)
    with (tmp_path / "out" / "scores.csv").open() as stream:
        assert {row["video"] for row in csv.DictReader(stream)} == {"b.mkv"}


def test_flags_are_checked(tmp_path, weights):
    with pytest.raises(ValueError, match="--frames must be 2 or more, got 1"):
        reconstruct(tmp_path, tmp_path / "out", weights=weights, frames=1)
    with pytest.raises(ValueError, match=r"none\.mp4 does not exist"):
        reconstruct(tmp_path / "none.mp4", tmp_path / "out", weights=weights)
