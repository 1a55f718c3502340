"""Rendered data sets: the layout, the bytes, and what interruptions leave."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from maskreel.common.datasets import VfpFolder, VfpSplit
from maskreel.common.errors import InputError
from maskreel.common.job_folder import locked
from maskreel.common.world import LabelNoise, Splits, write_dataset
from maskreel.common.world._vfp_video import video_seed
from maskreel.common.world._videos import write_videos
from maskreel.common.world._workers import for_each

if TYPE_CHECKING:
    from collections.abc import Callable

TOY_SCENE = '''
import os, signal, time
from dataclasses import dataclass
from pathlib import Path
import numpy as np

@dataclass(frozen=True)
class ToyScene:
    """Noise with one moving block; leaves a file for every clip that is rendered."""
    frames: int = 22
    shade: int = 100

    def frames_and_labels(self, seed):
        mark = Path(os.environ["TOY_MARKS"], f"{seed}-{os.getpid()}-{time.monotonic_ns()}")
        mark.write_text(os.environ.get("OMP_NUM_THREADS", ""))
        time.sleep(float(os.environ.get("TOY_SECONDS", 0)))
        frames = np.random.default_rng(seed).integers(0, self.shade, (self.frames, 16, 24, 3), np.uint8)
        return frames, self.labels(seed)

    def labels(self, seed):
        labels = np.zeros((self.frames, 16, 24), np.uint8)
        labels[:, 2:8, 2:8] = 1 + seed % 48
        return labels

@dataclass(frozen=True)
class BrokenScene(ToyScene):
    kill: bool = False

    def frames_and_labels(self, seed):
        if self.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(28, "No space left on device")
'''
COUNTS = Splits(train=3, val=2, unlabeled=2, hidden=2)
SCRIPT = """
import sys
from toy_scene import ToyScene
from maskreel.common.world import Splits, write_dataset
if __name__ == "__main__":
    write_dataset(ToyScene(), sys.argv[1], Splits(train=100), seed=1, workers=2)
"""
linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes as Linux shows them")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module that spawned processes can import."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "marks").mkdir()
    (tmp_path / "modules/toy_scene.py").write_text(TOY_SCENE)
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    monkeypatch.setenv("TOY_MARKS", str(tmp_path / "marks"))
    monkeypatch.delitem(sys.modules, "toy_scene", raising=False)
    return importlib.import_module("toy_scene")


def files(root: Path, *, but: str = "") -> dict[str, str]:
    """Every file under a folder by its hash."""
    found = (path for path in root.rglob("*") if path.is_file() and path.name != but)
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def marks(tmp_path: Path) -> list[list[str]]:
    """Seed and process of every clip that was rendered."""
    return [path.name.split("-")[:2] for path in (tmp_path / "marks").iterdir()]


def test_the_layout(toy: Any, tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_dataset(toy.ToyScene(), root, COUNTS, seed=5, workers=0)
    assert sorted(path.name for path in root.iterdir()) == ["hidden", "train", "unlabeled", "val", "world.json"]
    expected: dict[VfpSplit, range] = {
        "train": range(3),
        "val": range(3, 5),
        "unlabeled": range(5, 7),
        "hidden": range(7, 9),
    }
    for split, numbers in expected.items():
        images = {f"image_{index}.png" for index in range(11 if split == "hidden" else 22)}
        present = images | ({"mask.npy"} if split in ("train", "val") else set())
        assert {path.name for path in (root / split).iterdir()} == {f"video_{number}" for number in numbers}
        dataset = VfpFolder(root, split)
        assert dataset.check() == []
        for video in dataset:
            assert {path.name for path in video.folder.iterdir()} == present
            frames, labels = toy.ToyScene().frames_and_labels(video_seed(5, video.number))
            assert np.array_equal(video.frames().permute(0, 2, 3, 1).numpy(), frames[: video.frame_count])
            found = video.labels()
            assert found is None or np.array_equal(found.numpy(), labels)


def test_padded_names_hold_the_same(toy: Any, tmp_path: Path) -> None:
    write_dataset(toy.ToyScene(), tmp_path / "a", Splits(train=2), seed=5, workers=0)
    write_dataset(toy.ToyScene(), tmp_path / "b", Splits(train=2), seed=5, workers=0, padded=True)
    assert VfpFolder(tmp_path / "b", "train").names == ("video_00000", "video_00001")
    assert files(tmp_path / "a/train/video_1") == files(tmp_path / "b/train/video_00001")


def test_bytes_do_not_depend_on_workers_but_on_the_seed(toy: Any, tmp_path: Path) -> None:
    roots = [tmp_path / f"workers{workers}" for workers in range(3)]
    for workers, root in enumerate(roots):
        noise = LabelNoise(drop=0.3)
        write_dataset(toy.ToyScene(), root, COUNTS, seed=5, workers=workers, label_noise=noise, hidden_truth=True)
    assert len(files(roots[0])) == 5 * 23 + 2 * 22 + 2 * 11 + 2 + 1
    assert files(roots[0]) == files(roots[1]) == files(roots[2])
    processes = [{process for _, process in marks(tmp_path)}]
    assert len(processes[0]) == 4, "this one, one and two"
    write_dataset(toy.ToyScene(), tmp_path / "other", Splits(train=1), seed=6, workers=0)
    assert files(tmp_path / "other/train")["video_0/image_0.png"] != files(roots[0] / "train")["video_0/image_0.png"]


def test_workers_use_one_thread_and_leave_the_environment_alone(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    write_dataset(toy.ToyScene(), tmp_path / "data", Splits(train=1), seed=5, workers=1)
    assert [path.read_text() for path in (tmp_path / "marks").iterdir()] == ["1"]
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_video_seeds_differ() -> None:
    seeds = {video_seed(seed, number) for seed in range(3) for number in range(1000)}
    assert len(seeds) == 3000
    assert min(seeds) >= 0
    assert 2**62 < max(seeds) < 2**63


def test_the_record_tells_what_was_rendered(toy: Any, tmp_path: Path) -> None:
    write_dataset(
        toy.ToyScene(shade=9), tmp_path / "data", Splits(val=1), seed=5, workers=0, label_noise=LabelNoise(flip=0.5)
    )
    record = json.loads((tmp_path / "data/world.json").read_text())
    versions = record.pop("versions")
    assert record == {
        "scene": {"name": "ToyScene", "frames": 22, "shade": 9},
        "seed": 5,
        "counts": {"train": 0, "val": 1, "unlabeled": 0, "hidden": 0},
        "padded": False,
        "label_noise": {"drop": 0.0, "flicker": 0.0, "merge": 0.0, "flip": 0.5},
    }
    assert versions["numpy"] == np.__version__
    assert versions.keys() == {"python", "maskreel-common", "numpy", "opencv-python-headless"}


def test_another_data_set_is_not_mixed_in(toy: Any, tmp_path: Path) -> None:
    root = tmp_path / "data"
    arguments: dict[str, Any] = {"seed": 5, "workers": 0}
    write_dataset(toy.ToyScene(), root, Splits(train=1), **arguments)
    before = files(root)
    changes: list[tuple[str, object, Splits, dict[str, Any]]] = [
        ("scene", toy.ToyScene(shade=9), Splits(train=1), {}),
        ("seed", toy.ToyScene(), Splits(train=1), {"seed": 6}),
        ("counts", toy.ToyScene(), Splits(train=2), {}),
        ("padded", toy.ToyScene(), Splits(train=1), {"padded": True}),
        ("label_noise", toy.ToyScene(), Splits(train=1), {"label_noise": LabelNoise()}),
        ("scene and seed", toy.ToyScene(shade=9), Splits(train=1), {"seed": 6}),
    ]
    for name, scene, counts, change in changes:
        with pytest.raises(InputError, match=rf"world\.json tells that .* another {name}; choose another folder"):
            write_dataset(scene, root, counts, **{**arguments, **change})  # pyright: ignore[reportArgumentType]
    assert files(root) == before


def test_folders_of_others_are_left_alone(toy: Any, tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    (root / ".DS_Store").touch()
    write_dataset(toy.ToyScene(), root, Splits(train=1), seed=5, workers=0)
    (root / "world.json").unlink()
    with pytest.raises(InputError, match=r"data holds files but no world\.json, expected a new folder"):
        write_dataset(toy.ToyScene(), root, Splits(train=1), seed=5, workers=0)
    for text, message in (("{", "cannot be read as JSON: "), ("[]", "expected an object with a scene")):
        (root / "world.json").write_text(text)
        with pytest.raises(InputError, match=rf"world\.json .*{message}"):
            write_dataset(toy.ToyScene(), root, Splits(train=1), seed=5, workers=0)


def test_what_is_there_is_not_rendered_again(toy: Any, tmp_path: Path) -> None:
    root, done = tmp_path / "data", []
    write_dataset(toy.ToyScene(), root, COUNTS, seed=5, workers=0, progress=done.append)
    assert done == [1] * 9
    expected = files(root)
    (root / "val/video_3").rename(tmp_path / "gone")
    (root / "train/.video_1.part").mkdir()  # what a killed run leaves
    (root / "train/.video_1.part/image_0.png").touch()
    before = len(marks(tmp_path))
    done.clear()
    write_dataset(toy.ToyScene(), root, COUNTS, seed=5, workers=0, progress=done.append)
    assert done == [8, 1]
    assert [seed for seed, _ in marks(tmp_path)].count(str(video_seed(5, 3))) == 2
    assert len(marks(tmp_path)) == before + 1
    assert files(root) == expected
    done.clear()
    write_dataset(toy.ToyScene(), root, COUNTS, seed=5, progress=done.append)
    assert done == [9]


def test_hidden_truth_is_exact_and_can_come_later(toy: Any, tmp_path: Path) -> None:
    roots = tmp_path / "at once", tmp_path / "later"
    noise, hidden = LabelNoise(drop=1), Splits(train=1, hidden=2)
    write_dataset(toy.ToyScene(), roots[0], hidden, seed=5, workers=0, label_noise=noise, hidden_truth=True)
    write_dataset(toy.ToyScene(), roots[1], hidden, seed=5, workers=0, label_noise=noise)
    assert not (roots[1] / "hidden_truth").exists()
    rendered = len(marks(tmp_path))
    write_dataset(toy.ToyScene(), roots[1], hidden, seed=5, workers=0, label_noise=noise, hidden_truth=True)
    assert len(marks(tmp_path)) == rendered, "the masks alone are quicker"
    assert files(roots[0]) == files(roots[1])
    truth = np.load(roots[0] / "hidden_truth/video_2.npy")
    assert truth.dtype == np.uint8
    assert np.array_equal(truth, toy.ToyScene().labels(video_seed(5, 2)))
    assert not np.load(roots[0] / "train/video_0/mask.npy").any()


def test_label_noise_follows_its_seed(toy: Any, tmp_path: Path) -> None:
    noise = LabelNoise(drop=0.5)
    write_dataset(toy.ToyScene(), tmp_path / "data", Splits(val=2), seed=5, workers=0, label_noise=noise)
    for number in range(2):
        seed = video_seed(5, number)
        expected = noise.apply(toy.ToyScene().labels(seed), seed)
        assert np.array_equal(np.load(tmp_path / f"data/val/video_{number}/mask.npy"), expected)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_the_scene_is_raised_and_leaves_no_half_video(toy: Any, tmp_path: Path, workers: int) -> None:
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_dataset(toy.BrokenScene(), tmp_path / "data", COUNTS, seed=5, workers=workers)
    assert [path.name for path in (tmp_path / "data").rglob("*")] == ["world.json"]
    assert workers == 0 or "In a worker process:\nTraceback" in caught.value.__notes__[0]


def test_a_killed_worker_is_an_error(toy: Any, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="a worker process ended with exit code -9"):
        write_dataset(toy.BrokenScene(kill=True), tmp_path / "data", COUNTS, seed=5, workers=2)


def test_guards(toy: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="seed must be 0 or more, got -1"):
        write_dataset(toy.ToyScene(), tmp_path / "a", COUNTS, seed=-1)
    with pytest.raises(ValueError, match="seed must be 0 or more, got -1"):
        write_videos(toy.ToyScene(), tmp_path / "a", 1, seed=-1)
    with pytest.raises(ValueError, match="workers must be 0 or more, got -1"):
        for_each(print, [1], workers=-1)
    with pytest.raises(ValueError, match="scene must give 22 frames and label maps, got 21 and 21"):
        write_dataset(toy.ToyScene(frames=21), tmp_path / "b", COUNTS, seed=0, workers=0)
    with pytest.raises(TypeError, match="scene must be a dataclass"):
        write_dataset(toy, tmp_path / "c", COUNTS, seed=0)
    for field in dataclasses.fields(Splits):
        with pytest.raises(ValueError, match=f"{field.name} must be 0 or more, got -1"):
            Splits(**{field.name: -1})
    with locked(tmp_path / "d"), pytest.raises(InputError, match="d: another run is at work here"):
        write_dataset(toy.ToyScene(), tmp_path / "d", COUNTS, seed=0, workers=0)
    write_dataset(toy.ToyScene(), tmp_path / "d", COUNTS, seed=0, workers=0)


def running(process: int) -> bool:
    """Whether a process exists and is not a zombie."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def interrupted(tmp_path: Path, send: Callable[[int], None]) -> tuple[Path, int, str]:
    """Start a run of 100 videos and 30 seconds with two workers, stop it early; the folder, exit code and stderr."""
    script, root = tmp_path / "modules/script.py", tmp_path / "data"
    script.write_text(SCRIPT)
    run = subprocess.Popen(
        [sys.executable, str(script), str(root)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "TOY_SECONDS": "0.6"},
    )
    wait_until(lambda: len(list(root.glob("train/video_*"))) >= 3)
    workers = {int(process) for _, process in marks(tmp_path)}
    assert len(workers) == 2
    assert all(map(running, workers))
    send(run.pid)
    _, told = run.communicate(timeout=120)
    wait_until(lambda: not any(map(running, workers)), seconds=8)
    return root, run.returncode, told


@linux
def test_kill_9_leaves_whole_videos_and_no_orphans_and_the_next_run_goes_on(toy: Any, tmp_path: Path) -> None:
    root, code, _ = interrupted(tmp_path, lambda process: os.kill(process, signal.SIGKILL))
    assert code == -signal.SIGKILL
    left = VfpFolder(root, "train")
    assert 3 <= len(left) < 100
    assert left.check() == []
    (tmp_path / "marks").rename(tmp_path / "earlier")
    (tmp_path / "marks").mkdir()
    write_dataset(toy.ToyScene(), root, Splits(train=100), seed=1, workers=2)
    assert len(marks(tmp_path)) == 100 - len(left)
    assert not list(root.rglob(".*"))
    write_dataset(toy.ToyScene(), tmp_path / "straight", Splits(train=100), seed=1, workers=0)
    assert files(root, but="world.json") == files(tmp_path / "straight", but="world.json")


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_quietly(toy: Any, tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C reaches all processes of a terminal, SIGTERM the first alone."""
    send = os.killpg if number == signal.SIGINT else os.kill
    root, code, told = interrupted(tmp_path, lambda process: send(process, number))
    assert code == -number
    assert told.count("Traceback") == (1 if number == signal.SIGINT else 0)
    assert "Process" not in told
    assert VfpFolder(root, "train").check() == []
    if number == signal.SIGINT:
        assert not list(root.rglob(".*"))
