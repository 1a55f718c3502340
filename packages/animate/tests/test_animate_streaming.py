"""Any length in the same memory: frames that are alive at a time, batches, and going on after a kill."""

from __future__ import annotations

import json
import weakref
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
import torch

from maskreel.animate.animator import ImageAnimator
from maskreel.animate.config import AnimateConfig
from maskreel.animate.running import inputs as inputs_module
from maskreel.animate.running import outputs as outputs_module
from maskreel.animate.running import segments as segments_module
from maskreel.animate.running.driving_masks import FoundMasks, Poses
from maskreel.animate.running.inputs import Driving, open_driving
from maskreel.animate.running.renderer import Renderer
from maskreel.common.job_folder import locked
from maskreel.common.show import save_image
from maskreel.common.video import Clip, iterate, read, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from maskreel.animate.model import AnimationModel

FPS = Fraction(25)
SIZE = 40


@pytest.fixture(autouse=True)
def _short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments_module, "_SEGMENT_FRAMES", 8)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A source, and 20 driving frames: segments of 8, 8 and 4."""
    draws = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 256, (20, 3, SIZE // 8, SIZE // 8), dtype=torch.uint8, generator=draws)
    large = frames.repeat_interleave(8, -1).repeat_interleave(8, -2)
    write(tmp_path / "driving.mkv", Clip(large, FPS), codec="ffv1")
    save_image(tmp_path / "source.png", large[7].flip(-1))
    return tmp_path


def animate(model: AnimationModel, files: Path, name: str, **settings: object) -> Path:
    config = AnimateConfig(**{"fused": False, "lossless": True, "batch": 4} | settings)  # type: ignore[arg-type]
    animator = ImageAnimator(config, model=model)
    return animator.animate(files / "source.png", files / "driving.mkv", output=files / name).output


SETTINGS = [{}, {"motion": "relative", "smoothing": 0.7}]


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_size_of_batches_does_not_matter(model: AnimationModel, files: Path, settings: dict[str, object]) -> None:
    made = [read(animate(model, files, f"{batch}.mkv", batch=batch, **settings)).frames for batch in (1, 4, 7)]
    for other in made[1:]:
        difference = (made[0].int() - other.int()).abs()
        assert difference.max() <= 1, "a level where rounding falls the other way"
        assert (difference > 0).float().mean() < 1e-3


def test_renderings_agree_between_batches(model: AnimationModel, files: Path) -> None:
    from maskreel.animate.running.plan import make_plan, view_source

    config, driving = AnimateConfig(smoothing=0.5), open_driving(files / "driving.mkv")
    view = view_source(model, read(files / "driving.mkv", stop=1).frames[0], config)
    plan = make_plan(model, view, driving, config)
    seen: list[torch.Tensor] = []

    def finish(pictures: torch.Tensor, masks: torch.Tensor, start: int) -> torch.Tensor:
        seen.append(pictures)
        return torch.zeros(len(pictures), 3, SIZE, SIZE, dtype=torch.uint8)

    made = []
    for batch in (1, 6):
        renderer = Renderer(model, plan, finish, smoothing=config.smoothing)
        start = 0
        for poses in FoundMasks(model, driving, plan.driving_framing, batch).batches():
            renderer.render(poses, start)
            start += len(poses.masks)
        made.append(torch.cat(seen))
        seen.clear()
    assert made[0].shape == (20, 3, 32, 32)
    torch.testing.assert_close(made[0], made[1], rtol=0, atol=1e-6)


class Census:
    """Counts frames of the driving video and of the result that are alive."""

    def __init__(self) -> None:
        self.alive = self.peak = self.seen = 0

    def add(self, frames: torch.Tensor) -> None:
        count = len(frames)
        self.seen += count
        self.alive += count
        self.peak = max(self.peak, self.alive)
        weakref.finalize(frames, self._gone, count)

    def _gone(self, count: int) -> None:
        self.alive -= count


@pytest.mark.parametrize(
    ("background", "output", "motion"),
    [(None, "made.mp4", "relative"), ("navy", "made.gif", "absolute"), ("transparent", "made", "absolute")],
)
def test_memory_does_not_grow_with_the_video(
    model: AnimationModel,
    files: Path,
    background: str | None,
    output: str,
    motion: str,
) -> None:
    info = open_driving(files / "driving.mkv").info
    still = read(files / "driving.mkv", stop=1).frames

    def peak(count: int) -> int:
        census = Census()

        def clips(_: Driving, chunk: int, start: int = 0, stop: int | None = None) -> Iterator[Clip]:
            stop = count if stop is None else stop
            for first in range(start, stop, chunk):
                frames = still.repeat(min(chunk, stop - first), 1, 1, 1)
                census.add(frames)
                yield Clip(frames, FPS, Fraction(first) / FPS)
                del frames

        def counted(path: Path, **options: Any) -> Iterator[Clip]:
            for clip in iterate(path, **options):
                census.add(clip.frames)
                yield clip

        render = Renderer.render

        def counting(self: Renderer, poses: Poses, start: int) -> object:
            rendered = render(self, poses, start)
            census.add(rendered.frames)
            return rendered

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(segments_module, "_SEGMENT_FRAMES", 32)
            patch.setattr(Driving, "clips", clips)
            patch.setattr(Driving, "frame", lambda _, __: still[0])
            patch.setattr(Renderer, "render", counting)
            patch.setattr(outputs_module, "iterate", counted)
            longer = replace(info, frame_count=count, duration=Fraction(count) / FPS)
            patch.setattr(inputs_module, "probe", lambda _: longer)
            config = AnimateConfig(fused=False, batch=4, motion=motion)  # type: ignore[arg-type]
            target = files / f"{count}" / output
            ImageAnimator(config, model=model).animate(
                files / "source.png", files / "driving.mkv", background, output=target
            )
        assert census.seen >= 2 * count, "frames of the driving video and of the result were counted"
        return census.peak

    short, long = peak(48), peak(80)
    assert long == short
    assert short < 48


class _KillError(BaseException):
    pass


def kill_in_render(monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    render, left = Renderer.render, [call]

    def dying(self: Renderer, poses: Poses, start: int) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise _KillError
        return render(self, poses, start)

    monkeypatch.setattr(Renderer, "render", dying)


def kill_at_the_end(monkeypatch: pytest.MonkeyPatch, _: int) -> None:
    def dying(*_: object, **__: object) -> None:
        raise _KillError

    monkeypatch.setattr(outputs_module, "join_segments", dying)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(
    ("kill", "call", "kept"), [(kill_in_render, 3, 1), (kill_in_render, 4, 2), (kill_at_the_end, 0, 3)]
)
def test_a_killed_run_goes_on_with_the_same_bytes(
    model: AnimationModel,
    files: Path,
    settings: dict[str, object],
    kill: Callable[[pytest.MonkeyPatch, int], None],
    call: int,
    kept: int,
) -> None:
    whole = animate(model, files, "whole.mkv", **settings).read_bytes()
    sheet = (files / "whole.sheet.jpg").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        kill(patch, call)
        with pytest.raises(_KillError):
            animate(model, files, "made.mkv", **settings)
    assert not (files / "made.mkv").exists()
    job = files / "made.job"
    left = sorted(job.glob("*.nut"))
    assert [path.name for path in left] == ["000000.nut", "000001.nut", "000002.nut"][:kept]
    rendered: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        render = Renderer.render
        patch.setattr(
            Renderer, "render", lambda self, frames, start: rendered.append(start) or render(self, frames, start)
        )
        animate(model, files, "made.mkv", **settings)
    assert rendered == list(range(8 * kept, 20, 4)), "nothing is done twice"
    assert (files / "made.mkv").read_bytes() == whole
    assert (files / "made.sheet.jpg").read_bytes() == sheet
    assert not job.exists()


def test_other_settings_start_anew(model: AnimationModel, files: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        kill_in_render(patch, 3)
        with pytest.raises(_KillError):
            animate(model, files, "made.mkv")
    other = animate(model, files, "whole.mkv", smoothing=0.6).read_bytes()
    assert animate(model, files, "made.mkv", smoothing=0.6).read_bytes() == other


def test_a_kill_before_the_first_segment_leaves_nothing(model: AnimationModel, files: Path) -> None:
    before = sorted(files.iterdir())
    with pytest.MonkeyPatch.context() as patch:
        kill_in_render(patch, 1)
        with pytest.raises(_KillError):
            animate(model, files, "made.mkv")
    assert sorted(files.iterdir()) == before


def test_a_folder_of_others_is_left_alone(model: AnimationModel, files: Path) -> None:
    (files / "made.job").mkdir()
    (files / "made.job" / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match=r"made\.job holds files that are not of this job; name another folder"):
        animate(model, files, "made.mkv")
    assert (files / "made.job" / "thesis.txt").read_text() == "years of work"


def test_two_runs_do_not_share_a_job(model: AnimationModel, files: Path) -> None:
    pytest.importorskip("fcntl")
    with locked(files / "made.job"), pytest.raises(ValueError, match="another run is at work here"):
        animate(model, files, "made.mkv")


@pytest.mark.parametrize("name", ["made.gif", "made.mkv"])
def test_varying_times_survive_segments_that_look_regular(model: AnimationModel, files: Path, name: str) -> None:
    times = tuple(Fraction(t, 10) if t < 8 else Fraction(8, 10) + Fraction((t - 8) * (t - 7), 10) for t in range(20))
    frames = read(files / "driving.mkv").frames
    write(files / "driving.mkv", Clip(frames, Fraction(19) / times[-1], times[0], times), codec="ffv1")
    made = read(animate(model, files, name, lossless=name == "made.mkv"))
    assert [float(time) for time in made.times] == pytest.approx([float(time) for time in times], abs=0.006)


def test_figures_are_those_of_all_frames(model: AnimationModel, files: Path) -> None:
    config = AnimateConfig(fused=False, batch=4)
    result = ImageAnimator(config, model=model).animate(files / "source.png", files / "driving.mkv")
    frames = read(files / "driving.mkv").frames.float() / 255
    with torch.inference_mode():
        masks = model.masks(torch.nn.functional.interpolate(frames, size=(32, 32), mode="bilinear", antialias=True))
        masks = (masks * 255).round() / 255
    assert result.summary.frames == 20
    assert result.summary.driving_area == pytest.approx(masks.mean().item(), abs=1e-5)
    assert json.loads(result.record.read_text())["summary"]["frames"] == 20
