"""Label noise: each kind against what it says, by hand-made clips."""

from __future__ import annotations

import numpy as np
import pytest

from maskreel.common.world import LabelNoise, ObjectClass

T = 400  # frames: enough for rates to show
A, B, C = 1, 25, 48


@pytest.fixture
def clip() -> np.ndarray:
    """A (12 px) and B (8 px) touch, C (4 px) is alone."""
    labels = np.zeros((T, 10, 12), np.uint8)
    labels[:, 1:5, 1:4] = A
    labels[:, 1:5, 4:6] = B
    labels[:, 7:9, 8:10] = C
    return labels


def missing(noisy: np.ndarray, clip: np.ndarray, number: int) -> np.ndarray:
    """bool (T,): the frames where an object is background; it is so as a whole, or not at all."""
    gone = np.stack([noisy[t][clip[t] == number] == 0 for t in range(len(clip))])
    assert (gone.all(1) == gone.any(1)).all()
    return np.asarray(gone.all(1))


def test_there_is_no_noise_by_default(clip: np.ndarray) -> None:
    noisy = LabelNoise().apply(clip, 3)
    assert np.array_equal(noisy, clip)
    assert noisy is not clip
    assert noisy.dtype == np.uint8


def test_the_same_seed_gives_the_same_noise_and_input_stays(clip: np.ndarray) -> None:
    before, noise = clip.copy(), LabelNoise(drop=0.1, flicker=0.5, merge=0.1, flip=0.1)
    noisy = noise.apply(clip, 3)
    assert np.array_equal(clip, before)
    assert np.array_equal(noise.apply(clip, 3), noisy)
    assert not np.array_equal(noise.apply(clip, 4), noisy)
    assert (noisy[clip == 0] == 0).all()


def test_drop_removes_whole_objects_from_single_frames(clip: np.ndarray) -> None:
    noisy = LabelNoise(drop=0.3).apply(clip, 0)
    gone = np.array([missing(noisy, clip, number) for number in (A, B, C)])
    assert gone.mean(1) == pytest.approx([0.3] * 3, abs=0.07)  # three standard deviations
    assert np.abs(np.corrcoef(gone)[np.triu_indices(3, 1)]).max() < 0.2
    assert np.array_equal(noisy[noisy > 0], clip[noisy > 0])


def test_flicker_removes_an_object_for_2_to_5_frames_once(clip: np.ndarray) -> None:
    short = clip[:22]
    lengths = []
    for seed in range(60):
        noisy = LabelNoise(flicker=0.5).apply(short, seed)
        for number in (A, B, C):
            frames = np.flatnonzero(missing(noisy, short, number))
            assert len(frames) == 0 or np.array_equal(frames, np.arange(frames[0], frames[-1] + 1))
            lengths.append(len(frames))
    assert set(lengths) == {0, 2, 3, 4, 5}
    assert np.count_nonzero(lengths) / len(lengths) == pytest.approx(0.5, abs=0.12)


def test_merge_gives_a_touching_pair_the_class_of_the_larger(clip: np.ndarray) -> None:
    noisy = LabelNoise(merge=0.25).apply(clip, 0)
    merged = np.array([(noisy[t][clip[t] == B] == A).all() for t in range(T)])
    assert merged.mean() == pytest.approx(0.25, abs=0.07)
    assert (noisy[clip == A] == A).all()
    assert (noisy[clip == C] == C).all()
    assert np.array_equal(noisy[~merged], clip[~merged])
    below = np.zeros((1, 6, 6), np.uint8)  # touching one above the other counts, a corner does not
    below[0, :2, :2], below[0, 2:5, :2], below[0, 5, 2] = A, B, C
    assert set(LabelNoise(merge=1).apply(below, 0).ravel().tolist()) == {0, B, C}


def test_flip_changes_one_attribute_to_a_kind_not_in_the_clip(clip: np.ndarray) -> None:
    noisy = LabelNoise(flip=0.4).apply(clip, 0)
    for number in (A, B, C):
        names = np.array([noisy[t][clip[t] == number] for t in range(T)])
        assert (names == names[:, :1]).all()
        wrong = names[names[:, 0] != number, 0]
        assert len(wrong) / T == pytest.approx(0.4, abs=0.08)
        assert not {A, B, C} & set(wrong.tolist())
        true = ObjectClass.of(number)
        found = {ObjectClass.of(int(other)) for other in wrong}
        assert len(found) == 10  # 2 other shapes, 1 other material, 7 other colours
        for other in found:
            kept = [getattr(other, name) == getattr(true, name) for name in ("shape", "material", "colour")]
            assert kept.count(True) == 2


def test_flip_leaves_an_object_alone_where_every_kind_exists() -> None:
    labels = np.arange(49, dtype=np.uint8).reshape(1, 7, 7)
    assert np.array_equal(LabelNoise(flip=1).apply(labels, 0), labels)


def test_one_rate_does_not_move_the_faults_of_another(clip: np.ndarray) -> None:
    dropped = LabelNoise(drop=0.2).apply(clip, 5) == 0
    both = LabelNoise(drop=0.2, flip=0.9).apply(clip, 5) == 0
    assert np.array_equal(dropped, both)


@pytest.mark.parametrize("name", ["drop", "flicker", "merge", "flip"])
@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_rates_are_probabilities(name: str, rate: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a probability from 0 to 1, got {rate}"):
        LabelNoise(**{name: rate})


def test_guards(clip: np.ndarray) -> None:
    with pytest.raises(TypeError, match="labels must be uint8, got int64"):
        LabelNoise().apply(clip.astype(np.int64), 0)
    with pytest.raises(ValueError, match=r"labels must have shape \(T, H, W\), got \(10, 12\)"):
        LabelNoise().apply(clip[0], 0)
    with pytest.raises(ValueError, match="labels must hold class ids 0 to 48, got 49"):
        LabelNoise().apply(clip + np.uint8(1), 0)
    assert LabelNoise(drop=1).apply(clip[:0], 0).shape == (0, 10, 12)
