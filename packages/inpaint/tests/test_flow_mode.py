"""The mode `flow`: one chunk after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.inpaint.flow.completer import FlowPair
from maskreel.inpaint.flow.fill import FlowFillConfig
from maskreel.inpaint.running.chunks import Chunk
from maskreel.inpaint.running.flow_mode import FlowMode
from maskreel.inpaint.running.parts import Parts
from maskreel.inpaint.scene.survey import Shot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


SIZE = (40, 48)


def still(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(second), 2, *first.shape[2:])


def test_the_chosen_completer_and_inpainter_fill_and_chunks_go_on_from_each_other(tmp_path):
    shot = Shot(0, 40, "flow", np.broadcast_to(np.eye(3), (40, 3, 3)), 0.0, 1.0)
    chunks = [Chunk(0, 0, 20, shot), Chunk(1, 20, 40, shot)]
    frames = np.random.default_rng(0).integers(0, 200, (40, *SIZE, 3)).astype(np.uint8)
    holes = np.zeros((40, *SIZE), np.bool_)
    holes[:, 10:20, 10:20] = True
    completed, painted = [], []

    def completer(pairs: Iterable[FlowPair]) -> Iterator[FlowPair]:
        for pair in pairs:
            completed.append(pair)
            yield pair

    def inpainter(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        painted.append(mask)
        return np.full_like(image, 210 + len(painted))

    filled = []
    for chunk in chunks:
        mode = FlowMode(FlowFillConfig(match_exposure=False), Parts(still, completer, inpainter))
        mode.load(tmp_path / "carry.npz")
        start, stop = mode.window(chunk)
        filled += list(mode.fill(chunk, frames[start:stop], holes[start:stop]))
        mode.save(tmp_path / "carry.npz")
    assert len(filled) == 40
    # Painted once, in the first chunk; the second takes it over from the first one's last frames.
    assert len(painted) == 1
    for (image, confidence), frame, hole in zip(filled, frames, holes, strict=True):
        assert (image[hole] == 211).all()
        assert np.array_equal(image[~hole], frame[~hole])
        assert not confidence[hole].any()
    # Frames 0 to 39; then 8 to 39, where the first 12 have no hole any more.
    assert len(completed) == 39 + 20


@pytest.mark.parametrize(
    ("arrays", "fault"),
    [
        (None, "cannot be read as an .npz archive"),
        ({"stop": np.array(3)}, "does not hold the last frames of a fill"),
        ({"stop": np.array(3), "frames": np.zeros((2, 4, 4, 3)), "synthesised": np.zeros((2, 4, 4), bool)}, "does not"),
        ({"stop": np.zeros(2), "frames": np.zeros((2, 4, 4, 3), np.uint8), "synthesised": np.zeros((2, 4, 4), bool)},
         "does not"),
        ({"frames": np.zeros((2, 4, 4, 3), np.uint8), "synthesised": np.zeros((2, 4, 4), bool)}, "does not"),
    ],
)  # fmt: skip
def test_damaged_frames_to_go_on_from_are_named(tmp_path, arrays, fault):
    path = tmp_path / "carry.npz"
    if arrays is None:
        path.write_bytes(b"PK no archive")
    else:
        np.savez(path, **arrays)
    with pytest.raises(InputError, match=rf"carry\.npz {fault}"):
        FlowMode(FlowFillConfig(), Parts(still)).load(path)


def test_flow_is_told_of_once_by_the_index_of_its_first_frame(tmp_path):
    shot = Shot(100, 140, "flow", np.broadcast_to(np.eye(3), (40, 3, 3)), 0.0, 1.0)
    frames = np.random.default_rng(0).integers(0, 200, (40, *SIZE, 3)).astype(np.uint8)
    holes = np.zeros((40, *SIZE), np.bool_)
    holes[5:, 10:20, 10:20] = True  # the first frames need no flow
    told = {}

    def record(index: int, measured: FlowPair, completed: FlowPair) -> None:
        assert index not in told
        assert np.array_equal(measured.region, completed.region)
        told[index] = measured, completed

    def moved(pairs: Iterable[FlowPair]) -> Iterator[FlowPair]:
        yield from [FlowPair(pair.forward + 1, pair.backward - 1, pair.region) for pair in pairs]

    mode = FlowMode(FlowFillConfig(match_exposure=False), Parts(still, moved), record=record)
    for chunk in (Chunk(0, 100, 120, shot), Chunk(1, 120, 140, shot)):
        start, stop = mode.window(chunk)
        list(mode.fill(chunk, frames[start - 100 : stop - 100], holes[start - 100 : stop - 100]))
    assert sorted(told) == list(range(104, 139))
    for measured, completed in told.values():
        assert not measured.forward.any()
        assert (completed.forward == 1).all()
