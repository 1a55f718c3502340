"""What the label maps of a clip tell about faults in them."""

from __future__ import annotations

import numpy as np
import pytest

from maskreel.common.world import LabelNoise, TableScene
from maskreel.vfp.data import LabelEvent, label_events

CUBE, OTHER = 10, 20


def empty() -> np.ndarray:
    return np.zeros((22, 80, 120), np.uint8)


def put(labels: np.ndarray, frame: int, x: int, label: int = CUBE, *, y: int = 35, size: int = 10) -> None:
    labels[frame, y : y + size, max(0, x) : x + size] = label


def moving(label: int = CUBE, *, start: int = 30, step: int = 2) -> np.ndarray:
    labels = empty()
    for frame in range(22):
        put(labels, frame, start + step * frame, label)
    return labels


def test_a_thing_that_moves_is_fine() -> None:
    assert label_events(moving()) == []
    assert label_events(empty()) == []


def test_things_enter_and_leave() -> None:
    assert label_events(moving(start=-60, step=6)) == []
    assert label_events(moving(start=60, step=6)) == []


def test_a_thing_from_nowhere_appears() -> None:
    labels = moving()
    labels[:5] = 0
    assert label_events(labels) == [LabelEvent(5, CUBE, "appears")]


def test_a_thing_that_is_gone_vanishes() -> None:
    labels = moving()
    labels[15:] = 0
    assert label_events(labels) == [LabelEvent(15, CUBE, "vanishes")]


def test_a_thing_that_is_missing_for_frames_flickers() -> None:
    labels = moving()
    labels[[4, 9, 10]] = 0
    assert label_events(labels) == [LabelEvent(frame, CUBE, "flickers") for frame in (4, 9, 10)]


def test_a_thing_behind_another_is_hidden() -> None:
    labels = moving()
    for frame in range(22):
        put(labels, frame, 50, OTHER, y=30, size=20)  # the cube is behind it from frame 10 to 15
    assert {int(frame) for frame in range(22) if CUBE not in labels[frame]} == {10, 11, 12, 13, 14, 15}
    assert label_events(labels) == []


def test_a_thing_that_comes_from_behind_another_does_not_appear() -> None:
    labels = moving()
    labels[:11] = 0
    for frame in range(22):
        put(labels, frame, 36, OTHER, y=30, size=20)
    assert label_events(labels) == []


def test_another_class_for_some_frames_is_a_flip() -> None:
    labels = moving()
    labels[7:9][labels[7:9] > 0] = OTHER
    assert label_events(labels) == [LabelEvent(7, OTHER, "flips", CUBE)]


def test_another_class_to_the_end_is_a_flip() -> None:
    for frame in (5, 15):
        labels = moving()
        labels[frame:][labels[frame:] > 0] = OTHER
        assert label_events(labels) == [LabelEvent(frame, OTHER, "flips", CUBE)]


def test_two_regions_of_one_class_are_two_things() -> None:
    labels = moving()
    put(labels, 6, 100, y=60)
    assert label_events(labels) == [LabelEvent(6, CUBE, "twice")]


def test_a_thing_behind_a_pole_and_specks_are_one_thing() -> None:
    labels = moving(step=0)
    labels[:, 20:60, 34:36] = OTHER
    labels[3, 60, 100] = CUBE
    assert label_events(labels) == []


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_rendered_clips_have_no_events_and_their_noise_has(seed: int) -> None:
    labels = TableScene(size=(80, 120)).labels(seed)
    assert label_events(labels) == []
    for noise, kind in ((LabelNoise(drop=0.05), "flickers"), (LabelNoise(flip=0.05), "flips")):
        noisy = noise.apply(labels, seed)
        wrong = sum(len(np.unique(a[a != b])) for a, b in zip(labels, noisy, strict=True))
        found = [event for event in label_events(noisy) if event.kind == kind]
        assert wrong / 4 <= len(found) <= wrong


def test_other_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match=r"labels must be uint8 .*, got int64 of shape \(22, 80, 120\)"):
        label_events(empty().astype(np.int64))
    with pytest.raises(ValueError, match=r"got uint8 of shape \(80, 120\)"):
        label_events(empty()[0])
