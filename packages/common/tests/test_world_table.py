"""The table's pictures and truth against brute force, symmetry and arithmetic."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from maskreel.common.flow import consistency_error, warp
from maskreel.common.world import OBJECT_CLASSES, ObjectClass, TableClip, TableScene, render
from maskreel.common.world._table.camera import Camera
from maskreel.common.world._table.motion import Motion, simulate
from maskreel.common.world._table.picture import class_map, lighting_of, paint
from maskreel.common.world._table.rays import CENTRE, SAMPLES, first_hits
from maskreel.common.world._table.solids import Solid, make_solid
from maskreel.common.world._table.vectors import Vectors

SEED = 3
SHAPES = ("cube", "sphere", "cylinder")


@pytest.fixture(scope="module")
def clip() -> TableClip:
    return TableScene().render(SEED)


def inside(shape: str, solid: Solid, points: np.ndarray) -> np.ndarray:
    """Which points (..., 3) lie in a solid, from the textbook inequalities."""
    x, y, z = np.moveaxis(points, -1, 0)
    r, h = solid.footprint, solid.height
    if shape == "sphere":
        return x**2 + y**2 + (z - r) ** 2 <= r**2
    within = (z >= 0) & (z <= h)
    return within & (np.maximum(abs(x), abs(y)) <= r if shape == "cube" else x**2 + y**2 <= r**2)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1, "gray metal cube"),
        (9, "gray rubber cube"),
        (17, "gray metal sphere"),
        (33, "gray metal cylinder"),
        (48, "yellow rubber cylinder"),
    ],
)
def test_class_numbers_are_those_of_the_data_set(number: int, name: str) -> None:
    assert str(ObjectClass.of(number)) == name


def test_every_class_has_one_number() -> None:
    assert [kind.number for kind in OBJECT_CLASSES] == list(range(1, 49))
    assert len(set(OBJECT_CLASSES)) == 48
    assert ObjectClass("sphere", "rubber", "cyan").number == 1 * 16 + 1 * 8 + 5 + 1
    with pytest.raises(ValueError, match="number must be a class id from 1 to 48, got 0"):
        ObjectClass.of(0)


@pytest.mark.parametrize("shape", SHAPES)
def test_rays_hit_a_solid_where_marching_along_them_does(shape: str) -> None:
    rng = np.random.default_rng(1)
    solid = make_solid(shape, 0.5)
    start = rng.uniform(-3, 3, (300, 3)) + np.array([0, 0, 4.0])
    direction = rng.uniform(-0.5, 0.5, (300, 3)) + np.array([0, 0, 0.4]) - start
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    steps = np.arange(0, 10, 2e-3)
    marched = inside(shape, solid, start[:, None] + steps[:, None] * direction[:, None])
    expected = np.where(marched.any(1), steps[marched.argmax(1)], np.inf)
    found = solid.hit(Vectors.of(start.astype(np.float32)), Vectors.of(direction.astype(np.float32)))
    clear = marched.sum(1) != 1  # rays that only graze it may go either way
    assert np.isfinite(expected).sum() > 100
    assert (np.isfinite(found) == np.isfinite(expected))[clear].mean() > 0.99  # marching may step over a corner
    both = np.isfinite(found) & np.isfinite(expected)
    assert abs(found[both] - expected[both]).max() < 3e-3


@pytest.mark.parametrize("shape", SHAPES)
def test_normals_point_outwards(shape: str) -> None:
    rng = np.random.default_rng(2)
    solid = make_solid(shape, 0.5)
    start = Vectors.of((rng.normal(size=(200, 3)) * 3 + np.array([0, 0, 5])).astype(np.float32))
    direction = (Vectors.point(0.0, 0.0, 0.4) - start).unit()
    distance = solid.hit(start, direction)
    point = start + direction * distance
    normal = solid.normal(point)
    assert normal.dot(normal) == pytest.approx(1, abs=1e-5)
    assert (normal.dot(direction) < 0.1).all()
    for step, expected in ((0.02, False), (-0.02, True)):
        moved = np.stack([getattr(point + normal * np.float32(step), axis) for axis in "xyz"], -1)
        assert (inside(shape, solid, moved) == expected).mean() > 0.97


def test_camera_shows_its_target_in_the_middle_and_projects_as_a_matrix_does() -> None:
    camera = Camera((0.5, -8.0, 5.0), (0.2, 0.3, 0.0), (160, 240))
    x, y, depth = camera.project(Vectors.of(np.array([[0.2, 0.3, 0.0]])))
    assert (x[0], y[0]) == pytest.approx((120, 80))
    assert depth[0] == pytest.approx(np.linalg.norm([0.3, 8.3, 5.0]))
    points = np.random.default_rng(0).uniform(-2, 2, (50, 3))
    eye, target = np.array(camera.eye), np.array(camera.target)
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    pose = np.stack([right, np.cross(forward, right), forward])
    image = (points - eye) @ pose.T @ np.array([[262.5, 0, 120], [0, 262.5, 80], [0, 0, 1]]).T
    x, y, _ = camera.project(Vectors.of(points))
    assert np.stack([x, y], -1) == pytest.approx(image[:, :2] / image[:, 2:])
    ray = camera.rays(x, y)
    back = np.stack([ray.x, ray.y, ray.z], -1) * np.linalg.norm(points - eye, axis=1, keepdims=True) + eye
    assert back == pytest.approx(points, abs=1e-4)


def test_masks_are_those_of_a_brute_force_camera(clip: TableClip) -> None:
    """Every 7th pixel of one frame, by marching: the first object that contains a point of the ray."""
    motion, frame = simulate(TableScene(), SEED), 12
    height, width = motion.camera.size
    y, x = (index[::7] for index in np.indices((height, width)).reshape(2, -1))
    ray = motion.camera.rays(x + 0.5, y + 0.5)
    direction = np.stack([ray.x, ray.y, ray.z], -1)
    steps = np.arange(4.0, 14.0, 0.01)
    first = np.full(len(x), np.inf)
    owner = np.zeros(len(x), int)
    for n, thing in enumerate(motion.things):
        cosine, sine = motion.heading[frame, n]
        turn = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])
        base = np.array([*motion.position[frame, n], 0])
        local = ((np.array(motion.camera.eye) - base) @ turn.T) + steps[:, None] * (direction @ turn.T)[:, None]
        marched = inside(thing.kind.shape, thing.solid, local)
        entry = np.where(marched.any(1), steps[marched.argmax(1)], np.inf)
        owner[entry < first] = thing.kind.number
        first = np.minimum(first, entry)
    found = clip.labels[frame].numpy()[y, x]
    assert (owner > 0).sum() > 100
    assert (found != owner).mean() < 0.002  # pixels that the ray only grazes


def test_a_mirrored_table_gives_mirrored_masks() -> None:
    motion = simulate(TableScene(jitter=0), SEED)
    flip = np.array([-1.0, 1.0])
    mirrored = replace(motion, position=motion.position * flip, heading=motion.heading * flip[::-1])
    one, other = (class_map(each, first_hits(each, CENTRE)[1][:, 0]) for each in (motion, mirrored))
    assert (one != other[:, :, ::-1]).mean() < 1e-4
    assert (one != other).mean() > 0.01


def test_the_quick_ways_show_the_same_as_render(clip: TableClip) -> None:
    frames, labels = TableScene().frames_and_labels(SEED)
    assert np.array_equal(frames, clip.clip.numpy())
    assert np.array_equal(labels, clip.labels.numpy())
    assert np.array_equal(labels, TableScene().labels(SEED))


def test_bytes_follow_from_the_seed() -> None:
    """Recorded once: another machine, process or thread count must not change a byte."""
    frames, labels = TableScene().frames_and_labels(SEED)
    assert hashlib.sha256(labels.tobytes()).hexdigest()[:16] == "a4608f387697a5db"
    assert hashlib.sha256(np.ascontiguousarray(frames).tobytes()).hexdigest()[:16] == "c5b8da3ebbeb2149"
    assert not np.array_equal(frames, TableScene().frames_and_labels(SEED + 1)[0])


def test_truth_of_a_clip_fits_together(clip: TableClip) -> None:
    assert clip.visible.shape == clip.amodal.shape == (22, len(clip.classes), 160, 240)
    assert not (clip.visible & ~clip.amodal).any()
    assert clip.visible.sum(1).max() == 1
    assert len(set(clip.classes)) == len(clip.classes)
    assert (clip.camera == torch.eye(3)).all()
    assert torch.equal(clip.labels > 0, clip.visible.any(1))
    for t in range(len(clip)):
        place = {int(n): rank for rank, n in enumerate(clip.order[t])}
        for n in range(len(clip.classes)):
            for other in range(n):
                both = clip.amodal[t, n] & clip.amodal[t, other]
                if both.sum() > 4 and (clip.visible[t, n] & both).any() != (clip.visible[t, other] & both).any():
                    front = n if (clip.visible[t, n] & both).any() else other
                    assert place[front] > place[n + other - front]


def test_objects_are_4_to_6_of_different_kinds() -> None:
    counts = []
    for seed in range(40):
        motion = simulate(TableScene(), seed)
        counts.append(len(motion.things))
        assert len({thing.kind for thing in motion.things}) == counts[-1]
    assert set(counts) == {4, 5, 6}
    assert len({thing.kind for seed in range(40) for thing in simulate(TableScene(), seed).things}) > 40


def test_nobody_appears_in_the_middle_of_the_picture() -> None:
    for seed in range(20):
        labels = TableScene().labels(seed)
        border = np.ones((160, 240), bool)
        border[24:-24, 24:-24] = False
        for number in np.unique(labels)[1:]:
            first = int((labels == number).any((1, 2)).argmax())
            hidden_before = (
                first > 0 and (labels[first] == number)[~border].sum() > 0.5 * (labels[first] == number).sum()
            )
            if hidden_before:  # only from behind another object
                near = labels[first - 1][labels[first] == number]
                assert (near > 0).any(), (seed, number, first)


def test_forward_flow_brings_the_next_frame_back(clip: TableClip) -> None:
    frames = clip.clip.frames.float()
    for flow, hidden, source, target in (
        (clip.forward_flow, clip.forward_occluded, frames[:-1], frames[1:]),
        (clip.backward_flow, clip.backward_occluded, frames[1:], frames[:-1]),
    ):
        moving = (flow.abs().sum(1) > 0.5) & ~hidden
        with_flow = (warp(target, flow) - source).abs().mean(1)[moving].mean()
        without = (target - source).abs().mean(1)[moving].mean()
        assert with_flow < without / 6


def test_flow_of_a_sphere_is_that_of_its_middle() -> None:
    motion = simulate(TableScene(), SEED)
    clip = TableScene().render(SEED)
    spheres = [n for n, thing in enumerate(motion.things) if thing.kind.shape == "sphere"]
    checked = 0
    for n in spheres:
        middles = np.concatenate([motion.position[:, n], np.full((22, 1), 0.38)], axis=1)
        x, y, _ = motion.camera.project(Vectors.of(middles))
        for t in range(21):
            if clip.visible[t, n].sum() > 150:
                expected = np.array([x[t + 1] - x[t], y[t + 1] - y[t]])
                flow = clip.forward_flow[t][:, clip.visible[t, n]].mean(1).numpy()
                assert flow == pytest.approx(expected, abs=0.12 + 0.05 * np.hypot(*expected))
                checked += 1
    assert checked > 5


def test_occlusion_is_where_the_two_flows_disagree(clip: TableClip) -> None:
    """Two ways that share nothing: rays to where a point goes, and the flow back from there."""
    error = consistency_error(clip.forward_flow, clip.backward_flow)
    hidden = clip.forward_occluded
    assert hidden.float().mean() > 0.003
    outside_borders = error.isfinite()
    assert (error[hidden & outside_borders] > 1).float().mean() > 0.8
    assert (error[~hidden & outside_borders] < 1).float().mean() > 0.99


def test_the_plate_is_the_table_without_objects_and_shadows(clip: TableClip) -> None:
    frames, plate = clip.clip.frames.int(), clip.plate.int()
    floor = ~clip.visible.any(1)
    difference = (frames - plate).amax(1)
    assert difference[floor & ~torch.nn.functional.max_pool2d((~floor).float(), 3, 1, 1).bool()].max() <= 0
    near = torch.nn.functional.max_pool2d((~floor).float(), 9, 1, 4).bool() & floor
    assert (plate - frames).amax(1)[near].float().mean() > 5  # shadows
    assert torch.equal(plate[0], TableScene(objects=(0, 0), resting=(0, 0)).render(SEED).clip.frames[5].int())


def test_edges_are_smooth() -> None:
    motion = simulate(TableScene(), SEED)
    lighting = lighting_of(TableScene(), SEED)
    fine, coarse = (paint(motion, *first_hits(motion, rays), lighting).astype(int) for rays in (SAMPLES, CENTRE))
    steps = [abs(np.diff(frames, axis=2)).max(-1) for frames in (fine, coarse)]
    assert np.quantile(steps[0][steps[0] > 20], 0.9) < np.quantile(steps[1][steps[1] > 20], 0.9)


def test_colours_have_the_statistics_of_the_real_data() -> None:
    """Mean and standard deviation that the original vfp project measured on its data (facts/vfp.md, 1.1)."""
    pixels = np.concatenate([TableScene().frames_and_labels(seed)[0][::7].reshape(-1, 3) for seed in range(12)]) / 255
    assert pixels.mean(0) == pytest.approx((0.506, 0.504, 0.501), abs=0.015)
    assert pixels.std(0) == pytest.approx((0.0554, 0.0553, 0.0591), abs=0.015)


def test_difficulties_are_told_apart_by_copying_the_last_mask() -> None:
    def overlap(labels: np.ndarray) -> float:
        ids = [c for c in np.union1d(labels[10], labels[21]) if c]
        pairs = [(labels[10] == c, labels[21] == c) for c in ids]
        return float(np.mean([(a & b).sum() / (a | b).sum() for a, b in pairs])) if pairs else 0.0

    small = {"size": (80, 120)}
    scenes = [
        TableScene.preset("easy", **small),
        TableScene.preset("medium", **small),
        TableScene.preset("hard", **small),
    ]
    easy, medium, hard = (np.mean([overlap(scene.labels(seed)) for seed in range(100, 260)]) for scene in scenes)
    assert easy > medium + 0.01 > hard + 0.01
    assert TableScene.preset("medium") == TableScene()


@pytest.mark.parametrize("size", [(96, 128), (64, 64), (200, 90), (24, 200)])
def test_any_size(size: tuple[int, int]) -> None:
    clip = render(TableScene(size=size, frames=4), 0)
    assert clip.clip.size == size
    assert clip.visible.any()
    assert clip.clip.frames.float().std() > 3


def test_an_empty_table_has_nobody_on_it() -> None:
    clip = TableScene(objects=(0, 0), resting=(0, 0), frames=3).render(0)
    assert clip.classes == ()
    assert clip.visible.shape == (3, 0, 160, 240)
    assert clip.labels.shape == (3, 160, 240)
    assert not clip.labels.any()


def test_a_motion_without_collisions_is_possible() -> None:
    motion: Motion = simulate(TableScene(objects=(1, 1), resting=(0, 0)), 0)
    assert motion.collisions == ()
    assert (motion.velocity[5] != 0).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (8, 240)}, r"size must be \(height, width\) of 16 or more, got \(8, 240\)"),
        ({"frames": 0}, "frames must be 1 or more, got 0"),
        ({"radius": 0.0}, "radius must be above 0 and at most 0.6, got 0.0"),
        ({"restitution": 1.5}, "restitution must be 0 to 1, got 1.5"),
        ({"speed": 0.0}, "speed must be above 0, got 0.0"),
        ({"frame_seconds": -1.0}, "frame_seconds must be above 0, got -1.0"),
        ({"roll_friction": -0.1}, "roll_friction must be 0 or more, got -0.1"),
        ({"objects": (5, 4)}, r"objects must be \(least, most\), got \(5, 4\)"),
        ({"objects": (4, 11)}, r"objects must be 0 to 10, got \(4, 11\)"),
        ({"resting": (-1, 2)}, r"resting must be 0 or more, got \(-1, 2\)"),
        ({"velocity": (0.0, 2.0)}, r"velocity must be above 0, got \(0.0, 2.0\)"),
    ],
)
def test_bad_scenes_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TableScene(**options)  # type: ignore[arg-type]


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="difficulty must be easy, medium or hard, got 'insane'"):
        TableScene.preset("insane")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seed must be 0 or more, got -1"):
        render(TableScene(), -1)
