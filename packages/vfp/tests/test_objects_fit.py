"""A table fitted to the masks of clips has the constants of the scene that made them; its file; and the verb."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch

from maskreel.common.cli import run_subcommands
from maskreel.common.datasets import VfpFolder
from maskreel.common.errors import InputError
from maskreel.common.world import Splits, TableScene, write_dataset
from maskreel.vfp import objects, segmentation
from maskreel.vfp.commands.fit_table import fit_table as verb
from maskreel.vfp.data import spread
from maskreel.vfp.masks._sources import labels_of
from maskreel.vfp.objects import Motion, Solid, Table, TableCamera, fit_table, with_noise_of
from maskreel.vfp.objects.fit_collisions import fit_collisions
from maskreel.vfp.objects.fit_motion import fit_motion, measure_noise
from maskreel.vfp.objects.motion_odds import motion_odds
from maskreel.vfp.objects.paint import paint
from maskreel.vfp.objects.picture import draw_fit
from maskreel.vfp.objects.scene import scene_of
from maskreel.vfp.objects.tracks import Track

SCENE = TableScene(size=(96, 144), jitter=0.0)
RADII_PER_FRAME = SCENE.frame_seconds**2 / SCENE.radius
"""From units per second squared."""
SLIDE, ROLL = (slow * SCENE.speed**2 * RADII_PER_FRAME for slow in (SCENE.slide_friction, SCENE.roll_friction))
CAMERA = TableCamera(157.5, 0.583, 14.7, (96, 144))
SOLIDS = (Solid(0, 0.82, 1.64), Solid(1, 1.0, 2.0), Solid(2, 0.9, 1.62))


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    return [SCENE.labels(seed) for seed in range(40)]


@pytest.fixture(scope="module")
def table(clips: list[np.ndarray]) -> Table:
    done: list[int] = []
    found = fit_table([clips], progress=done.append)
    assert done == [1] * len(clips)
    return found


def test_camera(table: Table):
    assert table.camera.focal == pytest.approx(35 / 32 * 144, rel=0.04)
    assert table.camera.pitch == pytest.approx(np.arctan2(5.6, 8.5), abs=0.02)
    assert table.camera.height == pytest.approx(5.6 / 0.38, rel=0.02)
    assert table.camera.size == (96, 144)


def test_solids(table: Table):
    found = [(solid.radius, solid.height) for solid in table.solids]
    np.testing.assert_allclose(found, [(0.82, 1.64), (1, 2), (0.9, 1.62)], atol=0.04)


def test_friction(table: Table):
    cube, sphere, cylinder = table.motions[0].friction
    assert cube == pytest.approx(SLIDE, rel=0.1)
    assert cylinder == pytest.approx(SLIDE, rel=0.1)
    assert sphere == pytest.approx(ROLL, abs=0.004)


def test_collisions(table: Table):
    assert table.motions[0].restitution == pytest.approx(SCENE.restitution, abs=0.08)
    assert table.motions[0].grip == pytest.approx(SCENE.contact_friction, abs=0.15)


def test_noise_is_a_small_part_of_a_pixel(table: Table):
    """A pixel is about a ninth of a radius at this size."""
    assert 0.005 < table.noise < 0.04


def test_speeds(table: Table):
    """Between those that things set off with and rest."""
    fastest = 3.6 * SCENE.speed * SCENE.frame_seconds / SCENE.radius
    assert 0.15 * fastest < np.exp(table.motions[0].log_speed[0]) < 0.6 * fastest
    assert 0.3 < table.motions[0].log_speed[1] < 1.2


def test_masks_of_a_bad_segmenter_are_noisier(table: Table, clips: list[np.ndarray]):
    """Rows moved by a pixel to and fro from frame to frame."""
    shaken = [np.stack([np.roll(plane, (-1) ** t, 1) for t, plane in enumerate(clip)]) for clip in clips[:20]]
    noisy = with_noise_of(table, [shaken])
    assert noisy.noise > 2 * table.noise
    assert replace(noisy, noise=table.noise) == table


def sliding(friction: float, noise: float, *, seed: int = 0) -> list[list[Track]]:
    """Clips of one cube each, whose places are known but for noise."""
    rng = np.random.default_rng(seed)
    clips = []
    for _ in range(60):
        times, turn = np.arange(11.0), rng.uniform(-3, 3)
        direction = np.array([np.cos(turn), np.sin(turn)])
        places = [2.0, 20.0] + (0.9 * times - friction * times**2 / 2)[:, None] * direction
        places += rng.normal(0, noise, places.shape)
        flags = np.zeros(11, bool)
        clips.append([Track(3, np.arange(11), places, np.full(11, 0.02), ~flags, flags, np.zeros(11))])
    return clips


def test_friction_and_noise_of_known_places(caplog: pytest.LogCaptureFixture):
    clips = sliding(0.04, 0.02)
    motion = fit_motion(Table(CAMERA, SOLIDS, 0.02, ()), clips)
    assert motion.friction[0] == pytest.approx(0.04, abs=0.002)
    assert measure_noise(clips, motion) == pytest.approx(0.02, rel=0.1)
    assert motion.friction[1:] == (0.0, 0.0)  # none was seen
    assert [message.split(" is ")[0] for message in caplog.messages] == ["no sphere", "no cylinder"]


def test_speeds_are_never_taken_to_be_all_the_same():
    """Or the probability of any other speed would be 0, and that of clips with such nan."""
    clips = sliding(0.04, 0.001)
    table = Table(CAMERA, SOLIDS, 0.02, ())
    motion = fit_motion(table, clips)
    assert motion.log_speed == pytest.approx((np.log(0.5), 0.1), abs=0.02)
    scene = scene_of(table, motion, clips[0])
    assert motion_odds(replace(table, motions=(motion, motion)), clips[0], [scene, scene]).tolist() == [0.5, 0.5]


def test_collisions_after_which_nothing_is_seen_tell_nothing():
    """A sphere comes near to another; the clip ends before they meet."""
    times, flags = np.arange(11), np.zeros(11, bool)
    paths = [np.stack([x, np.full(11, 20.0)], -1) for x in (-5 + 0.5 * times, np.full(11, 3.0))]
    clip = [
        Track(label, times, path, np.full(11, 0.02), ~flags, flags, np.zeros(11))
        for label, path in zip((20, 21), paths, strict=True)
    ]
    assert fit_collisions(Table(CAMERA, SOLIDS, 0.02, ()), (0.01, 0.01, 0.01), [clip]) == (0.7, 0.3)


def test_nothing_moves(table: Table, clips: list[np.ndarray]):
    still = np.broadcast_to(clips[0][:1], clips[0].shape)
    with pytest.raises(InputError, match="nothing moves in the training masks"):
        fit_motion(table, [[]])
    with pytest.raises(InputError, match="nothing moves through seven frames"):
        with_noise_of(table, [[still]])


def test_clips_of_several_sizes_or_none():
    with pytest.raises(ValueError, match="label maps of one size"):
        fit_table([[np.zeros((22, 8, 9), np.uint8), np.zeros((22, 9, 8), np.uint8)]])
    with pytest.raises(ValueError, match=r"label maps of one size, got \[\]"):
        fit_table([[]])


def test_empty_clips_show_too_little():
    with pytest.raises(InputError, match="0 spheres are seen whole in the training masks"):
        fit_table([[np.zeros((22, 96, 144), np.uint8)]])


def test_a_table_comes_back_from_its_file(table: Table, tmp_path: Path):
    table.save(tmp_path / "table.json")
    assert Table.load(tmp_path / "table.json") == table


def test_the_table_of_the_package():
    table = Table.load()
    assert table.camera.size == (160, 240)
    assert len(table.motions) == 3
    assert 0.01 < table.noise < 0.03


def test_files_that_hold_no_table(table: Table, tmp_path: Path):
    with pytest.raises(InputError, match="is not a file, expected a table of maskreel vfp fit-table"):
        Table.load(tmp_path / "none.json")
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(InputError, match=r"text.json does not hold a table"):
        Table.load(tmp_path / "text.json")
    table.save(tmp_path / "table.json")
    data = json.loads((tmp_path / "table.json").read_text())
    noiseless = {name: value for name, value in data.items() if name != "noise"}
    for broken in (noiseless, {**data, "camera": {"focal": 1}}, {**data, "solids": data["solids"][:2]}, []):
        (tmp_path / "broken.json").write_text(json.dumps(broken))
        with pytest.raises(InputError, match=r"broken.json does not hold a table"):
            Table.load(tmp_path / "broken.json")
    replace(table, motions=()).save(tmp_path / "still.json")
    with pytest.raises(InputError, match=r"still.json holds a table without motions, expected one or more"):
        Table.load(tmp_path / "still.json")


def test_picture_has_white_outlines_around_the_masks():
    """The lines run where the mask ends, so hardly any pixel deep inside or far outside is white."""
    table = Table(CAMERA, SOLIDS, 0.02, (Motion((0.0, 0.0, 0.0), 0.6, 0.3, (0.0, 1.0)),))
    labels = paint(table, [5, 20], np.array([[[-2.0, 20.0], [3.0, 18.0]]]), np.array([[0.4, 0.0]]))
    picture = draw_fit(table, labels, 0, scale=4)
    assert tuple(picture.shape) == (3, 384, 576)
    white = (picture.float().mean(0) > 230).numpy()
    filled = (labels[0] > 0).repeat(4, 0).repeat(4, 1)
    inner, outer = (moved(filled, every) for every in (True, False))
    assert white.sum() > 100
    assert white[inner].sum() + white[~outer].sum() < 0.05 * white.sum()


def moved(mask: np.ndarray, every: bool) -> np.ndarray:
    """Where the mask is still there, or is at all, after a step of six pixels in any direction."""
    steps = [np.roll(mask, (y, x), (0, 1)) for y in (-6, 0, 6) for x in (-6, 0, 6)]
    return np.all(steps, 0) if every else np.any(steps, 0)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_dataset(replace(SCENE, size=(64, 96)), folder, Splits(train=24), seed=3, workers=0)
    return folder


def run(*argv: object) -> int | None:
    return run_subcommands({"fit-table": verb}, [str(part) for part in argv], "maskreel vfp")


@pytest.fixture(scope="module")
def written(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The table of two equal data sets, and what is told about it."""
    file = tmp_path_factory.mktemp("written") / "found.json"
    with redirect_stdout(io.StringIO()) as told:
        assert run("fit-table", data, data, "-o", file, "--clips", 24) == 0
    return file, told.getvalue()


def test_the_verb_writes_a_table_and_a_picture(data: Path, written: tuple[Path, str]):
    file, told = written
    table = Table.load(file)
    assert table.camera.size == (64, 96)
    assert len(table.motions) == 2
    assert table.motions[0] == table.motions[1]
    assert file.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert f"{table.camera.focal:.1f} pixels" in told
    assert f"{table.motions[0].friction[1]:.4f}" in told
    assert f"{data.name}, restitution and grip" in told


def test_the_verb_refuses(data: Path, tmp_path: Path):
    with pytest.raises(InputError, match=r"table.txt must end in .json"):
        run("fit-table", data, "-o", tmp_path / "table.txt")
    with pytest.raises(InputError, match="name one or more data sets"):
        verb((), tmp_path / "table.json")
    with pytest.raises(InputError, match="--clips must be 1 or more and --segment 0 or more, got 0 and 0"):
        verb((data,), tmp_path / "table.json", clips=0)
    with pytest.raises(InputError, match="--segmenter is for --segment, which must then be 1 or more"):
        verb((data,), tmp_path / "table.json", segmenter=tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match=r"weights.safetensors is not a file"):
        verb((data,), tmp_path / "table.json", segment=1, segmenter=tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match="spheres are seen whole"):
        verb((data,), tmp_path / "table.json", clips=1)
    assert not (tmp_path / "table.json").exists()


def test_the_verb_leaves_out_what_is_in_quarantine(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    videos = VfpFolder(data, "train")
    (tmp_path / "bad.txt").write_text(f"train/{videos[1].name}")
    (tmp_path / "all.txt").write_text("\n".join(f"train/{video.name}" for video in videos))
    lists = ("--quarantine", tmp_path / "bad.txt", tmp_path / "all.txt")
    with pytest.raises(InputError, match="train has no video left: all are in quarantine"):
        run("fit-table", data, data, *lists)
    assert f"1 of 24 videos: {videos[1].name}" in caplog.text
    with pytest.raises(
        InputError, match="--quarantine must name one list for all, or one for each of 1 data sets, got 2"
    ):
        run("fit-table", data, *lists)


@pytest.fixture
def fitted(written: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> Table:
    """Which the verb then gets at once."""
    table = Table.load(written[0])
    monkeypatch.setattr(objects, "fit_table", lambda masks, progress: table)
    return table


def test_the_verb_measures_noise_on_the_masks_of_a_segmenter(
    data: Path, fitted: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Which finds the true masks, but moved by a pixel to and fro."""
    shaken = {
        video.frames(0, 11).numpy().tobytes(): torch.stack(
            [plane.roll((-1) ** t, 1) for t, plane in enumerate(labels_of(video)[:11])]
        )
        for video in VfpFolder(data, "train")
    }
    monkeypatch.setattr(segmentation, "load_segmenter", lambda weights: lambda frames: shaken[frames.numpy().tobytes()])
    assert run("fit-table", data, data, "-o", tmp_path / "found.json", "--segment", 16) == 0
    found = Table.load(tmp_path / "found.json")
    chosen = [planes.numpy() for planes in spread(list(shaken.values()), 16)]
    assert found == with_noise_of(fitted, [chosen, chosen])
    assert found.noise > 1.5 * fitted.noise


@pytest.mark.usefixtures("fitted")
def test_an_interrupted_run_leaves_nothing(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(self: Path, target: Path) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run("fit-table", data, data, "-o", tmp_path / "table.json")
    assert list(tmp_path.iterdir()) == []


def test_the_verb_needs_masks_of_one_size(data: Path, tmp_path: Path):
    write_dataset(replace(SCENE, size=(32, 48)), tmp_path, Splits(train=1), seed=3, workers=0)
    with pytest.raises(InputError, match=rf"one camera is fitted to them, got 96x64 in {data}, 48x32 in {tmp_path}"):
        verb((data, tmp_path), tmp_path / "table.json", clips=1)
    next(tmp_path.glob("train/*/mask.npy")).unlink()
    with pytest.raises(InputError, match=r"mask.npy"):
        verb((tmp_path,), tmp_path / "table.json")
