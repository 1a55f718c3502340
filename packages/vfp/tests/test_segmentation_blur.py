"""Blur images: names, clipping, cross-fitting, resuming, reading."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common.datasets import VfpFolder
from maskreel.common.errors import InputError
from maskreel.common.world import Splits, TableScene, write_dataset
from maskreel.vfp.frames import FramePredictor, PredictorConfig
from maskreel.vfp.segmentation import (
    BlurImages,
    Fold,
    assign_folds,
    prepare_folds,
    read_folds,
    split_folds,
    write_blur_images,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskreel.common.datasets import VfpSequence

SIZE = (32, 48)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("table")
    write_dataset(TableScene(size=SIZE), folder, Splits(train=11, hidden=1), seed=3, workers=0)
    return folder


@pytest.fixture
def videos(data: Path) -> list[VfpSequence]:
    return list(VfpFolder(data, "train"))


class Painter:
    """Stands in for a predictor: all that it draws is of one grey, so that one sees who drew it."""

    first = 11

    def __init__(self, grey: int) -> None:
        self.grey = grey
        self.calls = 0

    def to(self, device: str) -> Self:
        assert device == "cpu"
        return self

    def predict(self, frames: torch.Tensor) -> torch.Tensor:
        assert frames.shape == (1, 11, 3, *SIZE)
        self.calls += 1
        return torch.full_like(frames, self.grey)


def painters(folder: Path, *greys: int) -> tuple[list[Path], dict[Path, Painter]]:
    paths = [folder / f"{grey}.safetensors" for grey in greys]
    for path, grey in zip(paths, greys, strict=True):
        path.write_bytes(bytes([grey]))
    return paths, {path: Painter(grey) for path, grey in zip(paths, greys, strict=True)}


def blurred(
    videos: Sequence[VfpSequence], folder: Path, *, grey: int = 90, unseen: Any = "keep"
) -> tuple[Path, Painter]:
    """By one painter, into FOLDER/blur."""
    (path,), made = painters(folder, grey)
    write_blur_images(
        videos, [Fold(path)], folder / "blur", unseen=unseen, load=lambda weights: made[Path(weights or "")]
    )
    return folder / "blur", made[path]


def test_files_are_called_and_numbered_as_in_the_published_system(videos: list[VfpSequence], tmp_path: Path) -> None:
    folder, _ = blurred(videos[:1], tmp_path)
    names = {f"{start}video_0_frame_{n}.{end}" for n in range(12, 23) for start, end in (("", "png"), ("mask_", "npy"))}
    assert {path.name for path in folder.iterdir()} == names | {"blur.json"}
    masks = np.load(videos[0].folder / "mask.npy")
    for number in range(12, 23):
        mask = np.load(folder / f"mask_video_0_frame_{number}.npy")
        assert mask.dtype == np.uint8
        assert np.array_equal(mask, masks[number - 1])
    with Image.open(folder / "video_0_frame_22.png") as picture:
        assert (picture.mode, picture.size) == ("RGB", (SIZE[1], SIZE[0]))


def test_colours_are_clipped_and_never_wrap(videos: list[VfpSequence], tmp_path: Path) -> None:
    class Glaring(torch.nn.Module):
        """Normalised values far beyond white in the left half, and far below black in the right half."""

        def forward(self, frames: torch.Tensor, steps: int) -> torch.Tensor:
            out = torch.full_like(frames, 1.02 * 0.5 / 0.06 - 0.5 / 0.06 + 9)  # (1.02 + more - mean) / std
            out[..., out.shape[-1] // 2 :] = -9
            return out[:, :steps]

    predictor = FramePredictor(PredictorConfig(residual=False, patch=1), Glaring(), stride=1)
    weights = tmp_path / "a.safetensors"
    weights.write_bytes(b"a")
    write_blur_images(videos[:1], [Fold(weights)], tmp_path / "blur", load=lambda _: predictor)
    picture = np.asarray(Image.open(tmp_path / "blur" / "video_0_frame_22.png"))
    assert (picture[:, : SIZE[1] // 2] == 255).all()
    assert (picture[:, SIZE[1] // 2 :] == 0).all()


def test_every_video_is_drawn_by_a_predictor_that_has_not_seen_it(videos: list[VfpSequence], tmp_path: Path) -> None:
    paths, made = painters(tmp_path, 10, 20, 30)
    parts = split_folds([video.number for video in videos], 3)
    folds = [Fold(path, frozenset(part)) for path, part in zip(paths, parts, strict=True)]
    write_blur_images(videos, folds, tmp_path / "blur", load=lambda weights: made[Path(weights or "")])
    drawn = {video: int(frames[0].max()) for video, (frames, _) in _clips(tmp_path / "blur").items()}
    assert drawn == {video.number: 10 + 10 * (video.number % 3) for video in videos}
    assert [made[path].calls for path in paths] == [4, 4, 3]


def test_a_video_that_every_predictor_has_seen_is_named() -> None:
    folds = [Fold(Path("a"), frozenset({1, 2})), Fold(Path("b"), frozenset({2, 3}))]
    assert assign_folds(folds, [3, 1, 2]) == {3: 1, 1: 0, 2: 0}
    assert assign_folds([*folds, Fold(None)], [7]) == {7: 2}
    with pytest.raises(InputError, match=r"no predictor that has not seen video_4, video_9 \(2 videos\)"):
        assign_folds(folds, [1, 4, 9])


def test_an_interrupted_run_goes_on(videos: list[VfpSequence], tmp_path: Path) -> None:
    folder, _ = blurred(videos[:2], tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    (folder / "video_1_frame_15.png").unlink()
    counted: list[int] = []
    made = Painter(90)
    weights = tmp_path / "90.safetensors"
    write_blur_images(videos[:3], [Fold(weights)], folder, load=lambda _: made, progress=counted.append)
    assert made.calls == 2  # video 1, of which something was missing, and video 2
    assert counted == [1, 1, 1]
    after = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert all(after[name] == time for name, time in before.items() if "video_0_" in name)
    assert len(_clips(folder)) == 3


def test_a_file_that_fails_leaves_nothing_behind(videos: list[VfpSequence], tmp_path: Path, monkeypatch: Any) -> None:
    def fail(self: Image.Image, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        blurred(videos[:1], tmp_path)
    assert sorted(path.name for path in (tmp_path / "blur").iterdir()) == ["blur.json", "mask_video_0_frame_12.npy"]


def test_images_of_different_predictors_are_not_mixed(videos: list[VfpSequence], tmp_path: Path) -> None:
    blurred(videos[:1], tmp_path)
    with pytest.raises(InputError, match="holds images of other predictors"):
        blurred(videos[:1], tmp_path, grey=91)
    with pytest.raises(InputError, match="holds images of other predictors"):
        blurred(videos[:1], tmp_path, unseen="drop")


def test_objects_that_were_never_seen_can_be_dropped(videos: list[VfpSequence], tmp_path: Path) -> None:
    late = next(video for video in videos if _late(video))
    kept, _ = blurred([late], tmp_path / "keep" if (tmp_path / "keep").mkdir() is None else tmp_path)
    (tmp_path / "drop").mkdir()
    dropped, _ = blurred([late], tmp_path / "drop", unseen="drop")
    masks = {path: np.asarray(BlurImages(path).clips[0][1][:]) for path in (kept, dropped)}
    assert set(np.unique(masks[kept])) - set(np.unique(masks[dropped])) == _late(late)
    same = ~np.isin(masks[kept], list(_late(late)))
    assert np.array_equal(masks[kept][same], masks[dropped][same])
    assert not masks[dropped][~same].any()


def test_videos_without_masks_are_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"video_11 has no label maps, blur images are made of videos of train and val"
    ):
        blurred(list(VfpFolder(data, "hidden")), tmp_path)
    with pytest.raises(InputError, match=r"a.safetensors is not a file, expected the weights of a frame predictor"):
        write_blur_images(list(VfpFolder(data, "train")), [Fold(tmp_path / "a.safetensors")], tmp_path / "blur")


def test_images_are_read_in_the_order_of_numbers(videos: list[VfpSequence], tmp_path: Path) -> None:
    folder, _ = blurred([videos[10], videos[9], videos[2]], tmp_path)
    images = BlurImages(folder)
    assert list(images.frames) == [2, 9, 10]
    assert images.frames[2] == tuple(range(11, 22))
    assert len(images) == 3
    for number, (frames, labels) in _clips(folder).items():
        truth = videos[number].labels(11)
        assert truth is not None
        assert np.array_equal(labels, truth.numpy())
        assert frames.shape == (11, 3, *SIZE)
    last = BlurImages(folder, only=(21,))
    assert [labels.shape for _, labels in last.clips] == [(1, *SIZE)] * 3
    truth = videos[9].labels(21)
    assert truth is not None
    assert np.array_equal(last.clips[1][1][:], truth.numpy())


def test_bad_images_are_named(videos: list[VfpSequence], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        BlurImages(tmp_path / "none")
    folder, _ = blurred(videos[:2], tmp_path)
    with pytest.raises(InputError, match="holds no predicted frames"):
        BlurImages(folder, only=(3,))
    (folder / "mask_video_1_frame_20.npy").unlink()
    with pytest.raises(InputError, match=r"mask_video_1_frame_20.npy is missing"):
        BlurImages(folder)
    np.save(folder / "mask_video_1_frame_20.npy", np.zeros((5, 7), np.uint8))
    with pytest.raises(InputError, match=r"mask_video_1_frame_20.npy is 7x5, expected 48x32 like the first picture"):
        BlurImages(folder).clips[1][1][:]
    np.save(folder / "mask_video_1_frame_20.npy", np.zeros(SIZE))
    with pytest.raises(
        InputError, match=r"mask_video_1_frame_20.npy holds float64 of shape \(32, 48\), expected uint8"
    ):
        BlurImages(folder).clips[1][1][:]
    (folder / "mask_video_1_frame_20.npy").write_bytes(b"no")
    with pytest.raises(InputError, match=r"mask_video_1_frame_20.npy cannot be read as a mask"):
        BlurImages(folder).clips[1][1][:]
    (folder / "video_1_frame_20.png").write_bytes(b"no")
    with pytest.raises(InputError, match=r"video_1_frame_20.png cannot be read as a PNG picture"):
        BlurImages(folder).clips[1][0][:]


def test_folds_are_laid_out_and_read(videos: list[VfpSequence], tmp_path: Path) -> None:
    file = prepare_folds(videos, 2, tmp_path / "folds")
    folds = read_folds(file)
    assert [sorted(fold.unseen or ()) for fold in folds] == [[0, 2, 4, 6, 8, 10], [1, 3, 5, 7, 9]]
    for place, fold in enumerate(folds):
        assert fold.weights == tmp_path / "folds" / f"fold_{place}" / "run" / "predictor.safetensors"
        trained_on = VfpFolder(tmp_path / "folds" / f"fold_{place}", "train")
        numbers = {video.number for video in trained_on}
        assert numbers == {video.number for video in videos} - (fold.unseen or frozenset())
        assert torch.equal(trained_on[0].frames(0, 1), videos[min(numbers)].frames(0, 1))
    with pytest.raises(InputError, match="exists; folds are laid out in a new folder"):
        prepare_folds(videos, 2, tmp_path / "folds")
    with pytest.raises(ValueError, match="count must be 2 to 11, the number of videos, got 1"):
        split_folds(range(11), 1)


@pytest.mark.parametrize(
    "rows", [[], {}, [{"weights": "a"}], [{"weights": 1, "unseen": []}], [{"weights": "a", "unseen": ["0"]}]]
)
def test_folds_of_another_form_are_refused(tmp_path: Path, rows: Any) -> None:
    (tmp_path / "folds.json").write_text(json.dumps(rows))
    with pytest.raises(InputError, match=r"folds\.json must hold"):
        read_folds(tmp_path / "folds.json")
    (tmp_path / "folds.json").write_text("no")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        read_folds(tmp_path / "folds.json")


def _clips(folder: Path) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    images = BlurImages(folder)
    pairs = [(np.asarray(frames[:]), np.asarray(labels[:])) for frames, labels in images.clips]
    return dict(zip(images.frames, pairs, strict=True))


def _late(video: VfpSequence) -> set[int]:
    """Classes that only frames from 11 on show."""
    labels = video.labels()
    assert labels is not None
    return set(labels[11:].unique().tolist()) - set(labels[:11].unique().tolist())
