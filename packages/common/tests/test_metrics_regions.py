"""J, contour F, recall and decay: cases by hand, and slow loops on hand-drawn and real masks."""

from __future__ import annotations

import math
import os
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from maskreel.common.metrics import contour_f, decay, iou, recall

DATA = Path(os.environ.get("MASKREEL_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
needs_data = pytest.mark.skipif(not (DATA / "davis_masks").is_dir(), reason=f"no masks in {DATA}")


def mask(*rows: str) -> torch.Tensor:
    """A mask drawn with # and dots."""
    return torch.tensor([[c == "#" for c in row] for row in rows])


def slow_iou(a: np.ndarray, b: np.ndarray) -> float:
    both = either = 0
    for p, q in zip(a.ravel().tolist(), b.ravel().tolist(), strict=True):
        both += p and q
        either += p or q
    return both / either if either else 1.0


def slow_contour(m: np.ndarray) -> list[tuple[int, int]]:
    rows, columns = m.shape
    pixels = []
    for y in range(rows):
        for x in range(columns):
            neighbours = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            if any(v < rows and u < columns and m[v, u] != m[y, x] for v, u in neighbours):
                pixels.append((y, x))
    return pixels


def slow_f(pred: np.ndarray, truth: np.ndarray, radius: int) -> float:
    p, t = slow_contour(pred), slow_contour(truth)
    if not p or not t:
        return float(not p and not t)

    def near(pixel: tuple[int, int], others: list[tuple[int, int]]) -> bool:
        return any((pixel[0] - y) ** 2 + (pixel[1] - x) ** 2 <= radius**2 for y, x in others)

    precision = Fraction(sum(near(pixel, t) for pixel in p), len(p))
    sensitivity = Fraction(sum(near(pixel, p) for pixel in t), len(t))
    total = precision + sensitivity
    return float(2 * precision * sensitivity / total) if total else 0.0


def slow_decay(scores: list[float]) -> float:
    bounds = [math.floor(i * (len(scores) - 1) / 4 + 0.5) for i in range(5)]
    quarters = [scores[bounds[i] : bounds[i + 1] + 1] for i in range(4)]
    means = [math.fsum(quarter) / len(quarter) for quarter in quarters]
    return means[0] - means[3]


def davis_pairs() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Truth, a wrong answer (the mask of another frame) and void pixels, an eighth of the size, from four videos."""
    from PIL import Image

    pairs = []
    for folder in sorted((DATA / "davis_masks").iterdir()):
        files = sorted(folder.glob("*.png"))
        one, two = (np.asarray(Image.open(files[i]))[::8, ::8] for i in (0, 8))
        pairs.append((one > 0, two > 0, np.roll(one > 0, 5, axis=1)))
    return pairs


def tennis_pairs() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    import av

    with av.open(str(DATA / "davis_tennis" / "mask.mp4")) as container:
        decoded = islice(container.decode(video=0), 9)
        frames = [frame.to_ndarray(format="gray")[::7, ::7] > 127 for frame in decoded]
    return [(frames[0], frames[8], np.roll(frames[0], 3, axis=0))]


@pytest.fixture(scope="module")
def real_pairs() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    return davis_pairs() + tennis_pairs()


@needs_data
def test_iou_agrees_with_loops_on_real_masks(real_pairs: list[tuple[np.ndarray, ...]]) -> None:
    for truth, pred, void in real_pairs:
        a, b, ignore = map(torch.from_numpy, (truth, pred, void))
        assert 0 < iou(a, b) < 1
        assert float(iou(a, b)) == pytest.approx(slow_iou(truth, pred), abs=1e-12)
        assert float(iou(a, b, ignore=ignore)) == pytest.approx(slow_iou(truth & ~void, pred & ~void), abs=1e-12)


@needs_data
@pytest.mark.parametrize("radius", [1, 3])
def test_contour_f_agrees_with_loops_on_real_masks(real_pairs: list[tuple[np.ndarray, ...]], radius: int) -> None:
    for truth, pred, void in real_pairs:
        a, b, ignore = map(torch.from_numpy, (truth, pred, void))
        assert 0 < contour_f(b, a, bound=radius) < 1
        assert float(contour_f(b, a, bound=radius)) == pytest.approx(slow_f(pred, truth, radius), abs=1e-12)
        expected = slow_f(pred & ~void, truth & ~void, radius)
        assert float(contour_f(b, a, bound=radius, ignore=ignore)) == pytest.approx(expected, abs=1e-12)


def test_iou_by_hand(device: str) -> None:
    a = torch.stack((mask("##..", "##.."), mask("....", "...."), mask("....", "...."), mask("####", "####")))
    b = torch.stack((mask(".##.", "...."), mask("....", "...."), mask("#...", "...."), mask("####", "####")))
    # 1 common pixel of 5; both empty; one empty; equal
    scores = iou(a.to(device), b.to(device))
    assert scores.tolist() == [0.2, 1.0, 0.0, 1.0]
    assert scores.device.type == device


def test_iou_leaves_void_out() -> None:
    a, b = mask("##..", "##.."), mask(".##.", "....")
    assert iou(a, b, ignore=mask("#...", "#...")) == pytest.approx(1 / 3)
    assert iou(a, b, ignore=mask("####", "####")) == 1.0


def test_iou_void_of_a_frame_serves_all_its_objects() -> None:
    a, b = torch.rand(4, 3, 8, 9) > 0.5, torch.rand(4, 3, 8, 9) > 0.5
    void = torch.rand(4, 1, 8, 9) > 0.7
    scores = iou(a, b, ignore=void)
    assert scores.shape == (4, 3)
    assert scores[2, 1] == iou(a[2, 1], b[2, 1], ignore=void[2, 0])


def test_no_object_gives_no_score() -> None:
    none = torch.zeros(5, 0, 8, 9, dtype=torch.bool)
    assert iou(none, none).shape == (5, 0)
    assert contour_f(none, none).shape == (5, 0)


def test_contour_f_by_hand() -> None:
    # the contours of two half planes are columns 2 and 6: they meet at a distance of 4
    left, right = torch.zeros(2, 20, 12, dtype=torch.bool)
    left[:, :3], right[:, :7] = True, True
    assert contour_f(left, right, bound=3) == 0.0
    assert contour_f(left, right, bound=4) == 1.0
    # precision 1 (20 of 20 pixels), recall 1/2 (the column at 9 has no answer)
    right[:, 10:] = True
    assert contour_f(left, right, bound=4) == pytest.approx(2 / 3)


def test_contour_f_without_contours() -> None:
    empty, full = torch.zeros(6, 7, dtype=torch.bool), torch.ones(6, 7, dtype=torch.bool)
    dot = empty.clone()
    dot[3, 3] = True
    assert contour_f(empty, empty) == 1.0
    assert contour_f(empty, full) == 1.0  # the frame's edge is no contour
    assert contour_f(dot, empty) == 0.0
    assert contour_f(empty, dot) == 0.0


def test_contour_pixels_at_the_edge_of_the_frame() -> None:
    # in the last row only the right neighbour counts, in the last column only the lower one, in the corner none
    corner = mask("....", "....", "...#")
    assert slow_contour(corner.numpy()) == [(1, 2), (1, 3), (2, 2)]
    for bound in (1, 2):
        for other in (mask("...#", "....", "...."), mask("....", "#...", "....")):
            expected = slow_f(corner.numpy(), other.numpy(), bound)
            assert float(contour_f(corner, other, bound=bound)) == pytest.approx(expected)


@pytest.mark.parametrize("radius", [1, 2, 5])
def test_contour_f_agrees_with_loops_on_noise(radius: int) -> None:
    rng = np.random.default_rng(radius)
    preds, truths = rng.uniform(size=(2, 6, 17, 23)) > 0.97
    scores = contour_f(torch.from_numpy(preds), torch.from_numpy(truths), bound=radius)
    expected = [slow_f(p, t, radius) for p, t in zip(preds, truths, strict=True)]
    assert scores.tolist() == pytest.approx(expected, abs=1e-12)


def test_bound_is_a_fraction_of_the_diagonal_rounded_up() -> None:
    one, two = torch.zeros(2, 60, 80, dtype=torch.bool)  # diagonal 100
    one[:, :30], two[:, :33] = True, True
    assert contour_f(one, two, bound=0.02) == 0.0
    assert contour_f(one, two, bound=0.0201) == 1.0
    assert contour_f(one, two) == 0.0  # 0.008 makes 1 pixel


def test_bound_counts_diagonal_distance() -> None:
    one, two = torch.zeros(2, 9, 9, dtype=torch.bool)
    one[2, 2], two[4, 4] = True, True
    # the two contours are 2x2 squares two pixels apart both ways, so their nearest pixels are (2, 2) and (3, 3)
    assert contour_f(one, two, bound=1) == 0.0
    assert contour_f(one, two, bound=1.42) == pytest.approx(0.25)


def test_recall_is_strict() -> None:
    assert recall([0.5, 0.51, 1.0, 0.0]) == 0.5
    assert recall(torch.tensor([0.5, 0.6]), threshold=0.4) == 1.0


def test_decay_by_hand() -> None:
    # 9 frames: bounds 0, 2, 4, 6, 8; the first quarter is frames 0-2, the last 6-8
    assert decay([1.0, 0.9, 0.8, 0.1, 0.1, 0.1, 0.5, 0.4, 0.3]) == pytest.approx(0.5)
    # 7 frames: 1.5 and 4.5 are rounded up, so frames 0-2 and 5-6
    assert decay([1.0, 0.9, 0.8, 0.1, 0.1, 0.4, 0.2]) == pytest.approx(0.6)
    assert decay([0.7]) == 0.0
    assert decay([0.9, 0.4]) == pytest.approx(0.5)


@pytest.mark.parametrize("frames", [*range(1, 14), 70, 300])
def test_decay_agrees_with_the_definition(frames: int) -> None:
    scores = np.random.default_rng(frames).uniform(size=frames).tolist()
    assert decay(scores) == pytest.approx(slow_decay(scores), abs=1e-12)


@pytest.mark.parametrize("score", [iou, contour_f])
def test_mask_guards(score: object) -> None:
    assert callable(score)
    m = torch.zeros(4, 5, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"must have one shape, got \(4, 5\) and \(5, 4\)"):
        score(m, m.T)
    with pytest.raises(TypeError, match=r"must be a torch.bool mask, got torch.uint8"):
        score(m, m.byte())
    with pytest.raises(ValueError, match=r"must have shape \(\.\.\., H, W\), got \(5,\)"):
        score(m[0], m[0])
    with pytest.raises(ValueError, match=r"ignore must broadcast to \(4, 5\), got shape \(4, 1\)"):
        score(m, m, ignore=m[:, :1])
    with pytest.raises(ValueError, match=r"ignore must broadcast to \(2, 4, 5\), got shape \(3, 4, 5\)"):
        score(m.expand(2, 4, 5), m.expand(2, 4, 5), ignore=m.expand(3, 4, 5))
    with pytest.raises(TypeError, match=r"ignore must be a torch\.bool mask"):
        score(m, m, ignore=m.float())


@pytest.mark.parametrize("bound", [0, -1, math.nan])
def test_contour_f_guards_the_bound(bound: float) -> None:
    m = torch.zeros(4, 5, dtype=torch.bool)
    with pytest.raises(ValueError, match="bound must be above 0"):
        contour_f(m, m, bound=bound)


@pytest.mark.parametrize("statistic", [recall, decay])
def test_statistics_guards(statistic: object) -> None:
    assert callable(statistic)
    with pytest.raises(ValueError, match=r"scores must have shape \(T,\) with T at least 1, got \(0,\)"):
        statistic([])
    with pytest.raises(ValueError, match=r"got \(2, 3\)"):
        statistic(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="scores must be finite, frame 1 is not"):
        statistic([0.5, math.nan])
