"""`Occupancy`: mixtures of forecasts and the masks that they stand for."""

from __future__ import annotations

import pytest
import torch

from maskreel.vfp.occupancy import Occupancy


def occupancy(**planes: list[float]) -> Occupancy:
    """One row of pixels for each class, named c1, c2 and so on."""
    return Occupancy(tuple(int(name[1:]) for name in planes), torch.tensor(list(planes.values()))[:, None, :])


def test_labels_as_certainty_come_back():
    labels = torch.tensor([[0, 3, 3], [48, 0, 3]], dtype=torch.uint8)
    found = Occupancy.of_labels(labels)
    assert found.classes == (3, 48)
    assert found.probability.sum(0).tolist() == [[0, 1, 1], [1, 0, 1]]
    assert torch.equal(found.likeliest(), labels)
    empty = Occupancy.of_labels(torch.zeros((2, 3), dtype=torch.uint8))
    assert (empty.classes, tuple(empty.probability.shape)) == ((), (0, 2, 3))
    assert empty.likeliest().tolist() == [[0, 0, 0], [0, 0, 0]]


def test_mean_by_hand():
    one, two = occupancy(c5=[0.4, 1.0], c2=[0.2, 0.0]), occupancy(c5=[0.8, 0.0], c9=[0.2, 0.5])
    even = Occupancy.mean([one, two])
    assert even.classes == (2, 5, 9)
    torch.testing.assert_close(even.probability[:, 0], torch.tensor([[0.1, 0.0], [0.6, 0.5], [0.1, 0.25]]))
    weighted = Occupancy.mean([one, two], [3, 1])
    torch.testing.assert_close(weighted.probability[:, 0], torch.tensor([[0.15, 0.0], [0.5, 0.75], [0.05, 0.125]]))
    assert torch.equal(Occupancy.mean([one, two], [0, 2]).probability[1], two.probability[0])


def test_likeliest_is_against_the_background():
    """A class wins where it is likelier than the rest of 1, even below a half."""
    found = occupancy(c4=[0.5, 0.4, 0.45, 0.2], c7=[0.0, 0.3, 0.0, 0.4])
    assert found.likeliest().tolist() == [[4, 4, 0, 7]]
    assert found.likeliest().dtype == torch.uint8


def test_above_a_threshold():
    found = occupancy(c4=[0.5, 0.3, 0.1, 0.2], c7=[0.0, 0.35, 0.0, 0.0])
    assert found.above(0.3).tolist() == [[4, 7, 0, 0]]
    assert found.above(0.2).tolist() == [[4, 7, 0, 4]]
    assert found.above(None).tolist() == found.likeliest().tolist()


def test_mirrored():
    found = occupancy(c4=[0.1, 0.2, 0.7]).mirrored()
    assert found.classes == (4,)
    torch.testing.assert_close(found.probability[0, 0], torch.tensor([0.7, 0.2, 0.1]))


def test_bad_arguments():
    plane = torch.zeros((1, 2, 3))
    with pytest.raises(
        ValueError, match=r"probability must have shape \(N, H, W\) with N = 2 classes, got \(1, 2, 3\)"
    ):
        Occupancy((1, 2), plane)
    with pytest.raises(ValueError, match=r"probability must have shape"):
        Occupancy((1,), plane[0])
    for classes in ((3, 3), (0, 1), (1, 256)):
        with pytest.raises(ValueError, match="classes must be different ids from 1 to 255"):
            Occupancy(classes, plane.expand(2, 2, 3))
    with pytest.raises(ValueError, match="parts must hold one or more forecasts, got none"):
        Occupancy.mean([])
    part = Occupancy((1,), plane)
    for weights in ([1.0], [0, 0], [2, -1]):
        with pytest.raises(ValueError, match="weights must be 2 numbers of 0 or more, not all 0"):
            Occupancy.mean([part, part], weights)
    for threshold in (0.0, 1.1):
        with pytest.raises(ValueError, match=r"threshold must be in \(0, 1\]"):
            part.above(threshold)
