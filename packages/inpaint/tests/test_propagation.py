from __future__ import annotations

import numpy as np
import pytest

from maskreel.inpaint.flow.propagation import Hole, LinkedHoles, Links, Pointers, fetch, link

SIZE = (4, 12)


def mask_of(*points: tuple[int, int]) -> np.ndarray:
    """bool (H, W) with holes at (x, y)."""
    mask = np.zeros(SIZE, np.bool_)
    for x, y in points:
        mask[y, x] = True
    return mask


def flow_of(dx: float, dy: float = 0.0) -> np.ndarray:
    return np.broadcast_to(np.array([dx, dy], np.float32), (*SIZE, 2)).copy()


def linked(masks: np.ndarray, steps: list[float], *, threshold_px: float = 3.0) -> LinkedHoles:
    """Frames whose content moves by `steps[t]` pixels in x from frame t to t + 1."""
    holes = [Hole.of(mask) for mask in masks]
    nothing = Links(np.zeros((0, 2), np.float32), np.zeros(0, np.float32))
    ahead = [link(h, flow_of(s), flow_of(-s), threshold_px=threshold_px) for h, s in zip(holes, steps, strict=False)]
    back = [link(h, flow_of(-s), flow_of(s), threshold_px=threshold_px) for h, s in zip(holes[1:], steps, strict=True)]
    return LinkedHoles(holes, [nothing, *back], [*ahead, nothing])


def start(scene: LinkedHoles) -> list[Pointers]:
    return [Pointers.unreached(len(hole.pixels)) for hole in scene.holes]


def forwards_only(scene: LinkedHoles) -> LinkedHoles:
    """The same scene without valid links to following frames."""
    never = [Links(links.position, links.error + np.inf) for links in scene.to_next]
    return LinkedHoles(scene.holes, scene.to_previous, never)


class TestLink:
    def test_uses_the_mean_of_both_flows_and_reports_their_disagreement(self):
        links = link(Hole.of(mask_of((5, 2))), flow_of(2, 1), flow_of(-1, -1), threshold_px=3)
        np.testing.assert_allclose(links.position, [[6.5, 3]])
        np.testing.assert_allclose(links.error, [1])

    def test_samples_the_flow_back_where_the_pixel_arrives(self):
        back = flow_of(0)
        back[..., 0] = np.arange(12)
        links = link(Hole.of(mask_of((5, 2))), flow_of(2.5), back, threshold_px=99)
        np.testing.assert_allclose(links.error, [2.5 + 7.5])

    def test_the_threshold_is_exclusive(self):
        hole = Hole.of(mask_of((5, 2)))
        assert np.isinf(link(hole, flow_of(2), flow_of(1), threshold_px=3).error).all()
        assert np.isfinite(link(hole, flow_of(2), flow_of(1), threshold_px=3.01).error).all()

    @pytest.mark.parametrize(("dx", "valid"), [(-1, True), (-1.01, False), (10, True), (10.5, False)])
    def test_must_stay_in_the_frame(self, dx, valid):
        links = link(Hole.of(mask_of((1, 0))), flow_of(dx), flow_of(-dx), threshold_px=3)
        assert np.isfinite(links.error).item() is valid


class TestPropagate:
    def test_walks_through_holes_and_keeps_fractions(self):
        masks = np.stack([mask_of(), mask_of((4, 1)), mask_of((5, 1)), mask_of((7, 1))])
        scene = linked(masks, [1.25, 1.25, 1.5])
        pointers = scene.propagate(start(scene), ~masks, None)
        assert [p.frame.tolist() for p in pointers] == [[], [0], [3], [2]]
        found = forwards_only(scene).propagate(start(scene), ~masks, None)[2]
        # 5 - 1.25 = 3.75 lies in the pixel 4, which is a hole and points to 4 - 1.25 = 2.75; the remainder is -0.25.
        np.testing.assert_allclose(found.position, [[2.5, 1]])
        assert found.frame.tolist() == [0]

    def test_takes_the_nearer_moment(self):
        masks = np.stack([mask_of(), *[mask_of((5, 1))] * 4, mask_of()])
        scene = linked(masks, [0.0] * 5)
        pointers = scene.propagate(start(scene), ~masks, None)
        assert [p.frame.tolist() for p in pointers[1:5]] == [[0], [0], [5], [5]]

    def test_breaks_ties_by_error_then_by_the_past(self):
        masks = np.stack([mask_of(), mask_of((5, 1)), mask_of()])
        hole = Hole.of(masks[1])
        exact, rough = (link(hole, flow_of(0), flow_of(e), threshold_px=3) for e in (0, 1))
        holes = [Hole.of(mask) for mask in masks]
        for previous, following, chosen in ((rough, exact, 2), (exact, rough, 0), (exact, exact, 0)):
            scene = LinkedHoles(holes, [exact, previous, exact], [exact, following, exact])
            assert scene.propagate(start(scene), ~masks, None)[1].frame.tolist() == [chosen]

    def test_seen_wins_over_painted(self):
        masks = np.stack([mask_of(), mask_of((5, 1)), mask_of((5, 1)), mask_of()])
        painted = np.zeros_like(masks)
        painted[0] = True
        scene = linked(masks, [0.0] * 3)
        pointers = scene.propagate(start(scene), ~masks, painted)
        assert [p.frame.tolist() for p in pointers[1:3]] == [[3], [3]]
        masks[3, 1, 5] = True
        scene = linked(masks, [0.0] * 3)
        pointers = scene.propagate(start(scene), ~masks, painted)
        assert [p.frame.tolist() for p in pointers[1:3]] == [[0], [0]]
        assert pointers[2].synthesised.all()

    def test_errors_add_up(self):
        masks = np.stack([mask_of(), mask_of((5, 1)), mask_of((5, 1)), mask_of((5, 1))])
        holes = [Hole.of(mask) for mask in masks]
        links = [link(hole, flow_of(0), flow_of(0.5), threshold_px=3) for hole in holes]
        scene = forwards_only(LinkedHoles(holes, links, links))
        pointers = scene.propagate(start(scene), ~masks, None)
        np.testing.assert_allclose([p.error.item() for p in pointers[1:]], [0.5, 1.0, 1.5])

    def test_what_is_reached_stays_and_is_handed_on(self):
        masks = np.stack([mask_of((5, 1))] * 3)
        scene = linked(masks, [0.0] * 2)
        assert not any(p.reached.any() for p in scene.propagate(start(scene), ~masks, None))
        own = Pointers(
            np.array([1], np.int32), np.array([[5, 1]], np.float32), np.zeros(1, np.float32), np.ones(1, np.bool_)
        )
        usable = ~masks
        usable[1] = True
        pointers = scene.propagate([start(scene)[0], own, start(scene)[2]], usable, None)
        assert [p.frame.item() for p in pointers] == [1, 1, 1]
        assert all(p.synthesised.all() for p in pointers)

    def test_fractions_never_lead_into_a_hole(self):
        masks = np.stack([mask_of((2, 1)), mask_of((5, 1)), mask_of((7, 1))])
        scene = forwards_only(linked(masks, [1.6, 1.6]))
        found = scene.propagate(start(scene), ~masks, None)
        # 7 - 1.6 = 5.4 is the pixel 5, which points to 3.4; 3.4 + 0.4 = 3.8 is allowed.
        np.testing.assert_allclose(found[2].position, [[3.8, 1]], atol=1e-6)
        masks[0, 1, 4] = True
        found = scene.propagate(start(scene), ~masks, None)
        np.testing.assert_allclose(found[2].position, [[3.4, 1]], atol=1e-6)


class TestFetch:
    frames = np.zeros((2, *SIZE, 3), np.uint8)
    frames[1, :, :] = np.arange(0, 120, 10, dtype=np.uint8)[:, None]

    def pointer(self, x: float, y: float) -> Pointers:
        return Pointers(
            np.array([1], np.int32), np.array([[x, y]], np.float32), np.zeros(1, np.float32), np.zeros(1, np.bool_)
        )

    def test_bilinear_and_nearest(self):
        usable = np.ones((2, *SIZE), np.bool_)
        assert fetch(self.pointer(3.3, 1.5), self.frames, usable, "bilinear").tolist() == [[33, 33, 33]]
        assert fetch(self.pointer(3.3, 1.5), self.frames, usable, "nearest").tolist() == [[30, 30, 30]]

    def test_unusable_pixels_do_not_count(self):
        usable = np.ones((2, *SIZE), np.bool_)
        usable[1, :, 4] = False
        assert fetch(self.pointer(3.3, 1.5), self.frames, usable).tolist() == [[30, 30, 30]]

    def test_the_last_pixel_is_reachable(self):
        usable = np.ones((2, *SIZE), np.bool_)
        assert fetch(self.pointer(11, 3), self.frames, usable).tolist() == [[110, 110, 110]]


def test_a_hole_knows_its_points_and_rows():
    hole = Hole.of(mask_of((3, 0), (1, 2)))
    assert hole.points.tolist() == [[3, 0], [1, 2]]
    rows = hole.rows().reshape(SIZE)
    assert rows[0, 3] == 0
    assert rows[2, 1] == 1
    assert np.count_nonzero(rows == -1) == SIZE[0] * SIZE[1] - 2


def test_a_hole_needs_a_mask():
    with pytest.raises(ValueError, match=r"mask must be bool \(H, W\), got uint8 \(4, 12\)"):
        Hole.of(np.zeros(SIZE, np.uint8))
