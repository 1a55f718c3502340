"""Every reader under test: how a valid file of its kind is made, and how it is read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["READERS", "Reader"]


@dataclass(frozen=True)
class Reader:
    """One kind of file. `make` writes a valid one, `read` reads what the damage has left of it."""

    suffix: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]
    may_raise: type[Exception] | None = None
    """Documented beside InputError."""


def _clip(count: int = 6, size: tuple[int, int] = (24, 32)):
    from maskreel.common.video import Clip

    frames = torch.arange(count * 3 * size[0] * size[1]).reshape(count, 3, *size)
    return Clip((frames * 7 % 251).to(torch.uint8), Fraction(25))


def _write_video(path: Path, codec: str) -> None:
    from maskreel.common.video import VideoWriter

    with VideoWriter(path, fps=Fraction(25), size=(24, 32), codec=codec) as writer:  # pyright: ignore[reportArgumentType]
        writer.write(_clip())


def _write_with(path: Path, codec: str, pixel_format: str) -> None:
    """Kinds that maskreel reads but does not write."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, pixel_format  # pyright: ignore[reportAttributeAccessIssue]
        for pixels in _clip().numpy():
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            container.mux(stream.encode(frame))  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType]
        container.mux(stream.encode(None))  # pyright: ignore[reportAttributeAccessIssue]


def _read_video(path: Path) -> None:
    from maskreel.common import video

    video.probe(path)
    frames = 0
    for clip in video.iterate(path, chunk=2):
        frames += len(clip)
        if frames > 40:
            return


def _picture(path: Path) -> None:
    from PIL import Image

    Image.fromarray(_clip().numpy()[0]).save(path)


def _palette(path: Path) -> None:
    from maskreel.common import masks

    masks.write_label_png(path, torch.arange(24 * 32).reshape(24, 32).remainder(5).to(torch.uint8))


def _read_folder(path: Path) -> None:
    """The picture as the second of a folder."""
    from maskreel.common import video

    folder = path.parent / f"{path.stem}.folder"
    folder.mkdir(exist_ok=True)
    (folder / f"0{path.suffix}").unlink(missing_ok=True)
    path.rename(folder / f"0{path.suffix}")
    video.read(folder)


def _flow(path: Path) -> None:
    from maskreel.common.flow import write_flo

    write_flo(path, torch.ones(2, 5, 6))


def _read_flow(path: Path) -> None:
    from maskreel.common.flow import read_flo

    read_flo(path)


def _rle(path: Path) -> None:
    from maskreel.common import masks

    mask = torch.zeros(20, 30, dtype=torch.bool)
    mask[4:9, 3:20] = True
    path.write_text(json.dumps(masks.encode_rle(mask)))


def _read_rle(path: Path) -> None:
    from maskreel.common import masks
    from maskreel.common.errors import InputError
    from maskreel.common.json_file import read_json

    rle = read_json(path)
    if not isinstance(rle, dict):
        raise InputError("no object")
    masks.decode_rle(rle)


def _coco(path: Path) -> None:
    from maskreel.common import masks

    rle = masks.encode_rle(torch.eye(8, dtype=torch.bool))
    path.write_text(
        json.dumps(
            {
                "images": [{"id": n, "height": 8, "width": 8, "file_name": f"a/{n}.png"} for n in (1, 2)],
                "annotations": [
                    {"id": 1, "image_id": 1, "category_id": 1, "track_id": 3, "segmentation": rle},
                    {"id": 2, "image_id": 2, "category_id": 1, "segmentation": [[1, 1, 6, 1, 6, 6]], "iscrowd": 0},
                ],
                "categories": [{"id": 1, "name": "bear"}],
            }
        )
    )


def _read_coco(path: Path) -> None:
    from maskreel.inversion.sources import CocoSequence

    sequence = CocoSequence(path, fps=Fraction(25))
    _ = sequence.object_ids, sequence.class_names
    for index in range(min(len(sequence), 3)):
        sequence.frame(index)
    sequence.real_frames(0, 2)


def _array(path: Path) -> None:
    np.save(path, np.arange(11 * 3 * 8 * 8, dtype=np.uint8).reshape(11, 3, 8, 8))


def _read_arrays(path: Path) -> None:
    """By all who read .npy; one that refuses must not keep the others from reading."""
    from maskreel.common.datasets._vfp_files import read_label_maps
    from maskreel.common.errors import InputError
    from maskreel.inversion.sources._files import array_file
    from maskreel.vfp.data._array_frames import open_array
    from maskreel.vfp.data._leaderboard import check_leaderboard
    from maskreel.vfp.segmentation._blur_files import read_mask

    def labels(path: Path) -> None:
        sequence = array_file(path, fps=Fraction(25))
        if max(sequence.size) <= 4096:
            sequence.frame(0)

    refused = None
    for read in (open_array, lambda path: read_label_maps(path, 11), labels, check_leaderboard, read_mask):
        try:
            read(path)
        except InputError as error:
            refused = error
    if refused is not None:
        raise refused


def _motion(path: Path) -> None:
    from maskreel.animate.framing import Framing
    from maskreel.animate.motion import save_motion

    masks = torch.arange(5.0 * 64).reshape(5, 1, 8, 8) / 320
    save_motion(path, masks, Fraction(25), Framing(0, 0, 64, (64, 64)))


def _read_motion(path: Path) -> None:
    from maskreel.animate.motion import load_motion

    load_motion(path)


def _npz(path: Path) -> None:
    np.savez_compressed(path, frames=np.zeros((3, 4), np.uint8), count=np.array(3))


def _read_npz(path: Path) -> None:
    from maskreel.common.array_file import read_npz

    read_npz(path)


def _checkpoint(path: Path) -> None:
    torch.save({"state_dict": {"module.a": torch.arange(6.0).reshape(2, 3), "b": torch.zeros(4)}, "epoch": 3}, path)


def _old_checkpoint(path: Path) -> None:
    state = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.zeros(4)}
    torch.save(state, path, _use_new_zipfile_serialization=False)


def _read_checkpoint(path: Path) -> None:
    from maskreel.common.weights import load_state_dict

    load_state_dict(path, entry="state_dict")


def _read_old_checkpoint(path: Path) -> None:
    from maskreel.common.weights import load_state_dict

    load_state_dict(path)


def _script(path: Path) -> None:
    """A network with weights, constants, an attribute that is no tensor, and a branch."""
    import warnings

    offset = torch.ones(3, 1, 1)

    class Network(torch.nn.Module):
        __constants__ = ("scale",)

        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.nn.Conv2d(3, 2, 1)
            self.moved = torch.jit.trace(lambda image: image + offset, torch.zeros(1, 3, 4, 4))
            self.scale, self.names = 0.5, {"a": [1, 2]}

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            if image.shape[-1] > 4:
                image = self.moved(image)  # pyright: ignore[reportCallIssue]
            return self.inner(image) * self.scale

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is called deprecated
        torch.jit.save(torch.jit.script(Network()), path)


def _read_script(path: Path) -> None:
    from maskreel.common.weights import load_script

    for tensor in load_script(path).state_dict().values():
        tensor.sum()  # all values must be there


def _safetensors(path: Path) -> None:
    from torch import nn

    from maskreel.common.weights import save_half

    save_half(path, nn.Linear(3, 2), {"kind": "fuzz", "classes": ["a", "b"], "size": [4, 5]})


def _read_safetensors(path: Path) -> None:
    from maskreel.common.weights import check_expectations, load_state_dict

    load_state_dict(path)
    check_expectations(path, {"kind": "fuzz"})


def _statistics(path: Path) -> None:
    from maskreel.inversion.statistics import LayerStatistics, Reference

    layer = LayerStatistics(torch.zeros(3), torch.ones(3))
    Reference({"a.b": layer}, 4, "0" * 64).save(path)


def _read_statistics(path: Path) -> None:
    from maskreel.inversion.statistics import Reference

    Reference.load(path)


def _network(path: Path) -> None:
    from maskreel.vfp.saved import shipped

    path.write_bytes(shipped("masks").read_bytes())


def _read_network(path: Path) -> None:
    from maskreel.vfp.masks import load_mask_network

    load_mask_network(path)


def _scene(path: Path) -> None:
    from maskreel.common.world import TableScene
    from maskreel.common.world._table.file import write_scene

    write_scene(path, TableScene())


def _read_scene(path: Path) -> None:
    from maskreel.common.world._table.file import read_scene

    read_scene(path)


def _table(path: Path) -> None:
    from maskreel.vfp.objects import Table

    Table.load().save(path)


def _read_table(path: Path) -> None:
    from maskreel.vfp.objects import Table

    Table.load(path)


def _settings(path: Path) -> None:
    path.write_text(json.dumps({"12": {"tv_l2": 2e-4, "statistics": 0.1}, "3": {"tv_l1": 0}}))


def _read_settings(path: Path) -> None:
    from maskreel.inversion.per_frame import read_per_frame

    read_per_frame(path)


def _run(path: Path) -> None:
    record = {"sequence": "bear", "fps": "30000/1001", "class_names": {"1": "bear", "2": None}, "frame_count": 2}
    path.write_text(json.dumps(record))


def _read_run(path: Path) -> None:
    from maskreel.inversion.run_folder import RunFolder

    folder = path.parent / f"{path.stem}.run"
    folder.mkdir(exist_ok=True)
    path.rename(folder / "run.json")
    run = RunFolder(folder)
    _ = run.record, run.name, run.fps, run.class_names, run.frame_count, run.frames_done()


def _folds(path: Path) -> None:
    path.write_text(json.dumps([{"weights": "a.safetensors", "unseen": [0, 2]}, {"weights": "b", "unseen": [1]}]))


def _read_folds(path: Path) -> None:
    from maskreel.vfp.segmentation._folds import read_folds

    read_folds(path)


def _channels(path: Path) -> None:
    path.write_text(json.dumps({"mean": [0.1, 0.2, 0.3], "std": [0.1, 0.2, 0.3]}))


def _read_channels(path: Path) -> None:
    from maskreel.vfp.data import ChannelStatistics

    ChannelStatistics.load(path)


def _pairs(path: Path) -> None:
    path.write_text(f"distance,source,driving\n1.5,{path.name},{path.name}\n2,{path.name},{path}\n")


def _read_pairs(path: Path) -> None:
    from maskreel.animate.data._pairs_table import read_pairs

    read_pairs(path)


def _quarantine(path: Path) -> None:
    path.write_text("val/video_7  # broken\ntrain/video_12\n")


def _read_quarantine(path: Path) -> None:
    from maskreel.vfp.data import Quarantine

    Quarantine.read(path)


def _config(path: Path) -> None:
    path.write_text(
        "norm_cfg = dict(type='BN')\nchannels = (4,) * 6\n"
        "model = dict(type='Net', names=[f'level{i}' for i in range(1, 7)], size=2 * 8 + 1, norm=norm_cfg)\n"
    )


def _read_config(path: Path) -> None:
    from maskreel.inpaint.openmmlab._config_file import read_config_file

    read_config_file(path)


def _read_label_png(path: Path) -> None:
    from maskreel.common import masks

    masks.read_label_png(path)


def _read_masks(path: Path) -> None:
    from maskreel.common import masks

    masks.read_masks(path, stop=2)


def _read_still(path: Path) -> None:
    from maskreel.animate.picture_file import read_picture

    read_picture(path)


READERS = {
    "video-mp4": Reader(".mp4", lambda path: _write_video(path, "h264"), _read_video),
    "video-mkv": Reader(".mkv", lambda path: _write_video(path, "ffv1"), _read_video),
    "video-gif": Reader(".gif", lambda path: _write_video(path, "gif"), _read_video),
    "video-avi": Reader(".avi", lambda path: _write_with(path, "mpeg4", "yuv420p"), _read_video),
    "video-mjpeg": Reader(".avi", lambda path: _write_with(path, "mjpeg", "yuvj420p"), _read_video),
    "video-ts": Reader(".ts", lambda path: _write_with(path, "mpeg2video", "yuv420p"), _read_video),
    "folder-png": Reader(".png", _picture, _read_folder),
    "folder-jpg": Reader(".jpg", _picture, _read_folder),
    "folder-tif": Reader(".tif", _picture, _read_folder),
    "picture-webp": Reader(".webp", _picture, _read_still),
    "picture-bmp": Reader(".bmp", _picture, _read_still),
    "labels": Reader(".png", _palette, _read_label_png),
    "masks": Reader(".png", _palette, _read_masks),
    "flo": Reader(".flo", _flow, _read_flow),
    "rle": Reader(".json", _rle, _read_rle, ValueError),
    "coco": Reader(".json", _coco, _read_coco),
    "npy": Reader(".npy", _array, _read_arrays),
    "npz": Reader(".npz", _npz, _read_npz),
    "motion": Reader(".npz", _motion, _read_motion),
    "checkpoint": Reader(".pth", _checkpoint, _read_checkpoint),
    "checkpoint-old": Reader(".pth", _old_checkpoint, _read_old_checkpoint),
    "script": Reader(".pt", _script, _read_script),
    "safetensors": Reader(".safetensors", _safetensors, _read_safetensors),
    "statistics": Reader(".safetensors", _statistics, _read_statistics),
    "network": Reader(".safetensors", _network, _read_network),
    "scene": Reader(".json", _scene, _read_scene),
    "table": Reader(".json", _table, _read_table),
    "per-frame": Reader(".json", _settings, _read_settings),
    "run": Reader(".json", _run, _read_run),
    "folds": Reader(".json", _folds, _read_folds),
    "channels": Reader(".json", _channels, _read_channels),
    "pairs": Reader(".csv", _pairs, _read_pairs),
    "quarantine": Reader(".txt", _quarantine, _read_quarantine),
    "config": Reader(".py", _config, _read_config),
}
