"""The whole job on small generated videos: a textured block walks over a textured scene whose truth is known."""

from __future__ import annotations

import json
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.common.jobs import LocalProcesses
from maskreel.common.masks import write_binary_png, write_masks
from maskreel.common.video import Clip, probe, read, write, write_frames
from maskreel.inpaint import InpaintConfig, InpaintResult, VideoInpainter
from maskreel.inpaint.painting.hole_fill import fill_image
from maskreel.inpaint.running import chunks as chunks_module
from maskreel.inpaint.running import fill_stage as fill_stage_module
from maskreel.inpaint.running import pipeline as pipeline_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE, FRAMES, FPS = (96, 128), 40, Fraction(30000, 1001)
LOSSLESS = InpaintConfig(lossless=True)


def texture(height: int, width: int, seed: int = 0, soft: float = 2.0) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(-1, 1, (height, width, 3)).astype(np.float32)
    blurred = cv2.GaussianBlur(noise, (0, 0), soft)
    return np.clip(blurred * 40 / blurred.std() + 127, 0, 255).astype(np.uint8)


PLATE = texture(*SIZE)


def walk(scenes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames with a block that walks through them, and where it is, bool (T, H, W)."""
    frames, truth, block = scenes.copy(), np.zeros(scenes.shape[:3], bool), texture(40, 16, seed=1, soft=1) // 2
    block[..., 0] += 120
    for t in range(len(frames)):
        left = round(-16 + (SIZE[1] + 16) * t / (len(frames) - 1))
        a, b = max(left, 0), min(left + 16, SIZE[1])
        if a < b:
            frames[t, 30:70, a:b] = block[:, a - left : b - left]
            truth[t, 30:70, a:b] = True
    return frames, truth


WALKED, TRUTH = walk(np.repeat(PLATE[None], FRAMES, axis=0))


def add_sound(video: Path, path: Path, codec: str = "pcm_s16le") -> None:
    """Copy a video and put noise beside it."""
    with av.open(str(video)) as source, av.open(str(path), "w") as target:
        picture = source.streams.video[0]
        stream = target.add_stream_from_template(picture)
        sound = target.add_stream(codec, rate=8000, layout="mono")
        assert isinstance(sound, av.AudioStream)
        noise = np.random.default_rng(0).integers(0, 200, (1, 12800))
        if codec == "pcm_u8":
            frame = av.AudioFrame.from_ndarray(noise.astype(np.uint8), "u8", "mono")
        else:
            frame = av.AudioFrame.from_ndarray(noise.astype(np.int16), "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, 0, Fraction(1, 8000)
        packets = [packet for packet in source.demux(picture) if packet.size]
        for packet in packets:
            packet.stream = stream
        target.mux([*sound.encode(frame), *sound.encode(), *packets])


def sound_of(path: Path) -> bytes:
    with av.open(str(path)) as container:
        return b"".join(bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size)


def save(path: Path, frames: np.ndarray = WALKED) -> Path:
    write(path, Clip.from_numpy(frames, FPS), codec="ffv1" if path.suffix == ".mkv" else "h264")
    return path


def psnr(found: np.ndarray, truth: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(np.square(found.astype(float) - truth).mean(), 1e-10)))


def masks_of(result: InpaintResult) -> np.ndarray:
    return torch.cat(list(result.masks())).numpy()


def beyond(masks: np.ndarray, pixels: float) -> np.ndarray:
    """bool (T, H, W): farther than so many pixels from the masks."""
    distance = np.full(masks.shape, np.inf)
    for t in np.flatnonzero(masks.any(axis=(1, 2))):
        distance[t] = cv2.distanceTransform((~masks[t]).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distance > pixels + 1e-4


def written(folder: Path) -> dict[str, int]:
    """When each file of a job was written."""
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    add_sound(save(folder / "silent.mkv"), folder / "walk.mkv")
    return folder / "walk.mkv"


@pytest.fixture(scope="module")
def done(source: Path, tmp_path_factory: pytest.TempPathFactory) -> InpaintResult:
    return VideoInpainter(LOSSLESS).inpaint(source, output=tmp_path_factory.mktemp("done") / "out.mkv")


def test_what_walks_is_gone_and_the_scene_behind_it_is_back(done: InpaintResult) -> None:
    found = read(done.output).numpy()
    assert psnr(found[TRUTH], np.broadcast_to(PLATE, WALKED.shape)[TRUTH]) > 40
    masks = masks_of(done)
    assert (masks & TRUTH).sum() == TRUTH.sum()
    assert masks.mean() < 2 * TRUTH.mean()


def test_pixels_beyond_the_soft_edge_are_identical(done: InpaintResult) -> None:
    found, outside = read(done.output).numpy(), beyond(masks_of(done), 2.0)
    assert 0.8 < outside.mean() < 1
    assert np.array_equal(found[outside], WALKED[outside])


def test_rate_size_length_and_sound_are_kept(done: InpaintResult, source: Path) -> None:
    before, after = probe(source), probe(done.output)
    assert (after.fps, after.size, after.frame_count) == (FPS, SIZE, FRAMES)
    assert after.start == before.start
    assert sound_of(done.output) == sound_of(source)


def test_the_summary_and_the_record_tell_what_was_done(done: InpaintResult, source: Path) -> None:
    summary = done.summary
    assert (summary.frames, summary.modes, summary.never_seen) == (FRAMES, ("static",), 0)
    assert summary.covered == pytest.approx(masks_of(done).mean())
    record = json.loads(done.record.read_text())
    assert record["source"] == str(source)
    settings: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record["config"].items()}
    assert InpaintConfig(**settings) == LOSSLESS
    assert record["summary"]["covered"] == summary.covered
    assert [done.output.name, done.report.name, done.record.name, done.job.name] == [
        "out.mkv",
        "out.html",
        "out.json",
        "out.job",
    ]


def test_small_chunks_and_segments_change_nothing(
    done: InpaintResult, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks_module, "frames_per_chunk", lambda _: 7)
    monkeypatch.setattr(fill_stage_module, "_SEGMENT_FRAMES", 13)
    result = VideoInpainter(LOSSLESS).inpaint(source, output=tmp_path / "out.mkv")
    assert len(list((result.job / "fill").glob("*.nut"))) == 3
    assert np.array_equal(masks_of(result), masks_of(done))
    assert np.array_equal(read(result.output).numpy(), read(done.output).numpy())
    assert result.summary.covered == pytest.approx(done.summary.covered)
    assert result.summary.confidence == pytest.approx(done.summary.confidence)


def test_running_again_does_no_stage_again(done: InpaintResult, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, content = written(done.job), done.output.read_bytes()
    monkeypatch.setattr(fill_stage_module, "composite", None)  # would fail if anything were filled
    again = VideoInpainter(LOSSLESS).inpaint(source, output=done.output)
    assert written(done.job) == before
    assert again.output.read_bytes() == content
    assert again.summary == done.summary


def test_another_moment_to_reveal_redoes_trials_and_fill_only(source: Path, tmp_path: Path) -> None:
    first = VideoInpainter(LOSSLESS).inpaint(source, output=tmp_path / "out.mkv")
    before = written(first.job)
    VideoInpainter(InpaintConfig(lossless=True, reveal="past")).inpaint(source, output=tmp_path / "out.mkv")
    after = written(first.job)
    assert after.keys() == before.keys()
    changed = {name.split("/")[0] for name in after if after[name] != before[name]}
    assert changed == {"trials", "fill"}


def test_other_masks_redo_masks_and_fill_but_not_the_survey(source: Path, tmp_path: Path) -> None:
    first = VideoInpainter(LOSSLESS).inpaint(source, output=tmp_path / "out.mkv")
    before = written(first.job)
    VideoInpainter(InpaintConfig(lossless=True, dilation=3.0)).inpaint(source, output=tmp_path / "out.mkv")
    after = written(first.job)
    assert {name.split("/")[0] for name in after if after[name] != before.get(name)} == {"masks", "trials", "fill"}
    changed = written(first.job)
    list(first.masks())  # looking at the masks of the earlier run must not start anything anew
    assert written(first.job) == changed


def test_other_weights_of_a_segmenter_redo_all_that_depends_on_its_masks(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def network(config: InpaintConfig) -> Callable[[Clip, int], torch.Tensor]:
        corner = slice(0, 12) if Path(config.segmenter_weights or "").read_bytes() == b"dog" else slice(80, 96)

        def marked(clip: Clip, start: int) -> torch.Tensor:
            masks = torch.zeros(len(clip), *clip.size, dtype=torch.bool)
            masks[:, corner, :12] = True
            return masks

        return marked

    def run(name: str, output: Path) -> InpaintResult:
        config = InpaintConfig(segmenter="torchvision-fcn", segmenter_weights=str(tmp_path / name), lossless=True)
        return VideoInpainter(config).inpaint(source, output=output, keep_stages=("masks", "confidence"))

    monkeypatch.setattr(pipeline_module, "people_segmenter", network)
    for name in ("dog", "person"):
        (tmp_path / f"{name}.pth").write_bytes(name.encode())
    before = written(run("dog.pth", tmp_path / "out.mkv").job)
    again, anew = run("person.pth", tmp_path / "out.mkv"), run("person.pth", tmp_path / "anew.mkv")
    changed = {name.split("/")[0] for name, time in written(again.job).items() if time != before.get(name)}
    assert changed >= {"masks", "trials", "fill", "kept-masks", "kept-confidence"}
    assert again.output.read_bytes() == anew.output.read_bytes()
    assert np.array_equal(read(again.output).numpy()[:, :12, :12], WALKED[:, :12, :12]), "where the dog was marked"


def test_another_source_of_the_same_name_is_noticed(tmp_path: Path) -> None:
    path = save(tmp_path / "walk.mkv")
    VideoInpainter(LOSSLESS).inpaint(path)
    save(path, WALKED[:, ::-1].copy())
    again = VideoInpainter(LOSSLESS).inpaint(path)
    truth = TRUTH[:, ::-1]
    assert psnr(read(again.output).numpy()[truth], np.broadcast_to(PLATE[::-1], WALKED.shape)[truth]) > 40


def test_a_video_with_nothing_to_remove_comes_back_byte_for_byte(tmp_path: Path) -> None:
    path = save(tmp_path / "empty.mp4", np.repeat(PLATE[None], 20, axis=0))
    result = VideoInpainter().inpaint(path)
    assert result.output.name == "empty.inpainted.mp4"
    assert result.output.read_bytes() == path.read_bytes()
    assert not result.summary.removed_something


def test_h264_keeps_the_rest_nearly_as_it_is(tmp_path: Path) -> None:
    path = save(tmp_path / "walk.mp4")
    result = VideoInpainter().inpaint(path)
    found = read(result.output).numpy()
    assert probe(result.output).codec == "h264"
    assert psnr(found, np.repeat(PLATE[None], FRAMES, axis=0)) > 28  # colours have half the resolution
    assert (probe(result.output).fps, len(found)) == (FPS, FRAMES)


def test_a_hand_held_camera_is_registered_and_the_scene_comes_back(tmp_path: Path) -> None:
    world = texture(SIZE[0] + 40, SIZE[1] + 40)
    views = []
    for t in range(FRAMES):
        shift = np.array([[1, 0, 20 + 6 * np.sin(t / 7)], [0, 1, 20 + 4 * np.sin(t / 5)]])
        views.append(cv2.warpAffine(world, shift, SIZE[::-1], flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP))
    scenes = np.stack(views)
    frames, truth = walk(scenes)
    result = VideoInpainter(LOSSLESS).inpaint(save(tmp_path / "hand.mkv", frames))
    found = read(result.output).numpy()
    assert result.summary.modes == ("registered",)
    assert psnr(found[truth], scenes[truth]) > 30
    outside = beyond(masks_of(result), 2.0)
    assert outside.mean() > 0.7
    assert np.array_equal(found[outside], frames[outside])


def test_a_cut_makes_two_shots_that_do_not_mix(tmp_path: Path) -> None:
    night, day = (np.repeat(plate[None], 24, axis=0) for plate in (PLATE // 3, texture(*SIZE, seed=8) // 3 + 170))
    scenes = np.concatenate([night, day])
    frames, truth = walk(scenes)
    result = VideoInpainter(LOSSLESS).inpaint(save(tmp_path / "cut.mkv", frames))
    assert result.summary.modes == ("static", "static")
    found = read(result.output).numpy()
    seen = truth & (np.abs(found.astype(int) - scenes).max(axis=-1) < 8)
    assert seen.sum() > 0.85 * truth.sum()  # a little of each scene is covered to its end


@pytest.mark.parametrize(
    ("mode", "completion"), [("static", None), ("registered", None), ("flow", "auto"), ("dfc", "dfc")]
)
def test_a_mode_can_be_forced(source: Path, tmp_path: Path, mode: str, completion: str | None) -> None:
    config = InpaintConfig(lossless=True, mode=mode)  # pyright: ignore[reportArgumentType]
    result = VideoInpainter(config).inpaint(source, output=tmp_path / "out.mkv", seconds=0.6)
    assert (result.summary.modes, result.summary.completions) == ((mode,), (completion,))
    assert result.summary.covered > 0
    truth = TRUTH[: result.summary.frames]
    found = read(result.output).numpy()
    assert psnr(found[truth], np.broadcast_to(PLATE, found.shape)[truth]) > 20


def test_a_static_mode_forced_on_a_hand_held_camera_ends_well(tmp_path: Path) -> None:
    world = texture(SIZE[0] + 40, SIZE[1] + 40)
    frames = np.stack([world[20 : 20 + SIZE[0], 20 + t % 8 : 20 + t % 8 + SIZE[1]] for t in range(24)])
    config = InpaintConfig(lossless=True, mode="static")
    result = VideoInpainter(config).inpaint(save(tmp_path / "hand.mkv", frames))
    assert result.summary.modes == ("static",)


def given(kind: str, folder: Path) -> Path:
    masks = torch.from_numpy(TRUTH)
    path = folder / {"folder": "masks", "video": "masks.mkv", "image": "mask.png"}[kind]
    if kind == "image":
        write_binary_png(path, masks[10])
    else:
        write_masks(path, masks, fps=FPS)
    return path


@pytest.mark.parametrize("kind", ["folder", "video", "image"])
def test_masks_can_be_given(source: Path, tmp_path: Path, kind: str) -> None:
    config = InpaintConfig(lossless=True, dilation=0.0, feather=0.0)
    result = VideoInpainter(config).inpaint(source, given(kind, tmp_path), output=tmp_path / "out.mkv")
    expected = np.repeat(TRUTH[10][None], FRAMES, axis=0) if kind == "image" else TRUTH
    assert np.array_equal(masks_of(result), expected)
    found = read(result.output).numpy()
    assert np.array_equal(found[~expected], WALKED[~expected])
    if kind == "image":
        assert result.summary.never_seen == pytest.approx(1)
        anew = np.stack([fill_image(frame, expected[0]) for frame in WALKED])
        ours, theirs = (np.abs(np.diff(x.astype(int), axis=0))[:, expected[0]].mean() for x in (found, anew))
        assert ours < 1.05 * theirs, "what is painted flickers no more than painting each frame anew, beside a walker"
        assert psnr(found[expected], np.broadcast_to(PLATE, found.shape)[expected]) > 11, "black would be 6 dB"
    else:
        assert np.array_equal(found, np.repeat(PLATE[None], FRAMES, axis=0))


def test_given_masks_grow_a_little_by_default(source: Path, tmp_path: Path) -> None:
    result = VideoInpainter(LOSSLESS).inpaint(source, given("folder", tmp_path), output=tmp_path / "out.mkv")
    reach = 0.005 * SIZE[0]
    assert np.array_equal(masks_of(result), ~beyond(TRUTH, reach))


def test_given_masks_win_over_a_segmenter(source: Path, tmp_path: Path) -> None:
    def nothing(clip: Clip, start: int) -> torch.Tensor:
        return torch.zeros(len(clip), *clip.size, dtype=torch.bool)

    inpainter = VideoInpainter(LOSSLESS, segmenter=nothing)
    assert inpainter.inpaint(source, output=tmp_path / "none.mkv").summary.covered == 0
    result = inpainter.inpaint(source, given("folder", tmp_path), output=tmp_path / "given.mkv")
    assert (masks_of(result) & TRUTH).sum() == TRUTH.sum()


def test_given_masks_may_belong_to_more_frames_than_a_preview(source: Path, tmp_path: Path) -> None:
    result = VideoInpainter(LOSSLESS).inpaint(
        source, given("folder", tmp_path), output=tmp_path / "out.mkv", seconds=0.5
    )
    assert len(masks_of(result)) == result.summary.frames == probe(result.output).frame_count == 15


def test_masks_that_do_not_fit_are_refused_before_the_work(source: Path, tmp_path: Path) -> None:
    write_masks(tmp_path / "short", torch.from_numpy(TRUTH[:30]))
    write_masks(tmp_path / "small", torch.from_numpy(TRUTH[:, :50]))
    for name, message in (
        ("short", "short holds 30 masks, expected 40"),
        ("small", "is 128x50 pixels, expected 128x96"),
    ):
        with pytest.raises(InputError, match=message):
            VideoInpainter(LOSSLESS).inpaint(source, tmp_path / name, output=tmp_path / "out.mkv")
    with pytest.raises(InputError, match="nowhere does not exist"):
        VideoInpainter(LOSSLESS).inpaint(source, tmp_path / "nowhere", output=tmp_path / "out.mkv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["short", "small"]


def test_a_kept_region_is_never_touched(source: Path, tmp_path: Path) -> None:
    config = InpaintConfig(lossless=True, keep=("0,50,128,96",))
    found = read(VideoInpainter(config).inpaint(source, output=tmp_path / "out.mkv").output).numpy()
    assert np.array_equal(found[:, 50:], WALKED[:, 50:])
    upper = TRUTH.copy()
    upper[:, 50:] = False
    assert psnr(found[upper], np.broadcast_to(PLATE, WALKED.shape)[upper]) > 40


def test_a_removed_region_is_painted_in_every_frame(source: Path, tmp_path: Path) -> None:
    config = InpaintConfig(lossless=True, mode="static", remove=("2,2,12,8",))
    result = VideoInpainter(config).inpaint(source, output=tmp_path / "out.mkv")
    assert masks_of(result)[:, 2:8, 2:12].all()
    assert result.summary.never_seen == pytest.approx(60 / (result.summary.covered * SIZE[0] * SIZE[1]), rel=0.02)
    found = read(result.output).numpy()[:, 2:8, 2:12]
    assert (found != PLATE[2:8, 2:12]).mean() > 0.5
    assert (found == found[0]).all(), "what is painted must not flicker"


def test_masks_of_every_sixth_frame_cover_those_between(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks_module, "frames_per_chunk", lambda _: 8)
    result = VideoInpainter(InpaintConfig(lossless=True, analysis_fps=5)).inpaint(source, output=tmp_path / "out.mkv")
    assert (masks_of(result) & TRUTH).sum() > 0.9 * TRUTH.sum()
    assert probe(result.output).fps == FPS


def test_a_clip_goes_in_and_a_clip_comes_out(done: InpaintResult) -> None:
    frames = WALKED.copy()
    clip = Clip.from_numpy(frames, FPS, start=Fraction(7, 2))
    result = VideoInpainter().inpaint(clip)
    assert (result.fps, result.start, len(result), result.size) == (FPS, Fraction(7, 2), FRAMES, SIZE)
    assert np.array_equal(result.numpy(), read(done.output).numpy())
    assert np.array_equal(frames, WALKED), "the given clip must stay as it is"


def test_a_clip_comes_with_a_tensor_of_masks() -> None:
    times = tuple(Fraction(t * t, 100) for t in range(FRAMES))
    clip = Clip(torch.from_numpy(WALKED).permute(0, 3, 1, 2), Fraction(5), times[0], times)
    result = VideoInpainter(InpaintConfig(dilation=0.0, feather=0.0)).inpaint(clip, torch.from_numpy(TRUTH))
    assert np.array_equal(result.numpy(), np.repeat(PLATE[None], FRAMES, axis=0))
    assert result.times == times


@pytest.mark.parametrize(
    "masks",
    [torch.zeros(3, *SIZE, dtype=torch.bool), torch.zeros(FRAMES, *SIZE), torch.zeros(FRAMES, 4, 4, dtype=torch.bool)],
)
def test_masks_of_a_clip_must_fit_it(masks: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"masks must be bool \(40, 96, 128\), got"):
        VideoInpainter().inpaint(Clip.from_numpy(WALKED, FPS), masks)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("output", "x.mp4"),
        ("job", "work"),
        ("seconds", 0.1),
        ("watch", lambda *_: None),
        ("executor", LocalProcesses(1)),
        ("plates", True),
        ("keep_stages", ("masks",)),
    ],
)
def test_what_is_for_files_is_refused_with_a_clip(name: str, value: Any) -> None:
    inpaint: Any = VideoInpainter().inpaint
    with pytest.raises(
        ValueError, match=f"^{name} is for files, got .* with a Clip; the Clip that comes back is written"
    ):
        inpaint(Clip.from_numpy(WALKED, FPS), **{name: value})


def test_masks_and_video_must_be_of_one_kind(source: Path) -> None:
    with pytest.raises(TypeError, match=r"masks for a Clip must be a bool tensor \(T, H, W\), got str"):
        VideoInpainter().inpaint(Clip.from_numpy(WALKED, FPS), "masks")  # pyright: ignore[reportCallIssue, reportArgumentType]
    with pytest.raises(TypeError, match="masks for a file must be a path"):
        VideoInpainter().inpaint(source, torch.from_numpy(TRUTH))  # pyright: ignore[reportCallIssue, reportArgumentType]


@pytest.mark.parametrize(
    ("config", "name", "message"),
    [
        (InpaintConfig(), "out.avi", r"out\.avi: the output must end in \.mp4 or \.mkv or \.mov"),
        (InpaintConfig(), "out", r"out: the output must end in"),
        (LOSSLESS, "out.mp4", r"out\.mp4: the output must end in \.mkv"),
        (InpaintConfig(), "walk.mkv", r"walk\.mkv: the output would replace the source; choose another name"),
    ],
)
def test_a_bad_output_is_refused_before_the_work(source: Path, config: InpaintConfig, name: str, message: str) -> None:
    before = sorted(source.parent.iterdir())
    with pytest.raises(InputError, match=message):
        VideoInpainter(config).inpaint(source, output=source.parent / name)
    assert sorted(source.parent.iterdir()) == before


def test_sound_that_the_output_cannot_hold_is_refused_before_the_work(tmp_path: Path) -> None:
    save(tmp_path / "silent.mkv")
    add_sound(tmp_path / "silent.mkv", tmp_path / "in.mkv", codec="pcm_u8")
    with pytest.raises(InputError, match=r"pcm_u8.*write to \.mkv"):
        VideoInpainter().inpaint(tmp_path / "in.mkv", output=tmp_path / "out.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mkv", "silent.mkv"]


def test_a_folder_of_frames_becomes_a_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_frames(tmp_path / "frames", [Clip.from_numpy(WALKED, FPS)])
    result = VideoInpainter(LOSSLESS).inpaint(tmp_path / "frames")
    assert result.output == tmp_path / "frames.inpainted.mkv"
    assert psnr(read(result.output).numpy()[TRUTH], np.broadcast_to(PLATE, WALKED.shape)[TRUTH]) > 40
    monkeypatch.chdir(tmp_path / "frames")
    again = VideoInpainter(LOSSLESS).inpaint(".", seconds=0.2)
    assert again.output == tmp_path / "frames.inpainted.mkv"


def test_a_file_that_does_not_tell_its_length_is_counted(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "raw.h264"), "w", format="h264") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "0"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = SIZE[1], SIZE[0], "yuv420p"
        for pixels in WALKED[:20]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p")))
        container.mux(stream.encode())
    assert probe(tmp_path / "raw.h264").frame_count is None
    result = VideoInpainter().inpaint(tmp_path / "raw.h264")
    assert result.output == tmp_path / "raw.inpainted.mp4"
    assert result.summary.frames == probe(result.output).frame_count == 20


def test_progress_adds_up(source: Path, tmp_path: Path) -> None:
    told: dict[str, list[int]] = {}

    @contextmanager
    def watch(stage: str, total: int) -> Iterator[Callable[[int], object]]:
        told[stage] = [total]
        yield told[stage].append

    for _ in range(2):  # the second time, all is done already, and the survey is not even begun
        VideoInpainter(LOSSLESS).inpaint(source, output=tmp_path / "out.mkv", watch=watch)
        assert list(told) == ["survey", "masks", "fill"]
        assert all(total == sum(steps) == FRAMES for total, *steps in told.values())
