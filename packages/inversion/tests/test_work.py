"""The ways from masks to frames: order, independence, and stops anywhere."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import torch

from maskreel.inversion.inverter import MaskInverter
from maskreel.inversion.start import noise
from maskreel.inversion.work import Chain, Layered, Separate, groups

if TYPE_CHECKING:
    from collections.abc import Callable

    from maskreel.inversion.config import InversionConfig
    from maskreel.inversion.optimisation import Progress
    from maskreel.inversion.targets import FrameTarget
    from maskreel.inversion.teachers import SemanticTeacher
    from maskreel.inversion.work import Work

    Quick = Callable[..., InversionConfig]
    Scene = Callable[..., list[FrameTarget]]

KINDS: dict[str, dict[str, Any]] = {
    "layers": {"coherence": "layers"},
    "chain": {"coherence": "chain", "passes": 2},
    "none": {"coherence": "none"},
}


class StopError(Exception):
    """Thrown out of the middle of a run."""


def made_by(work: Work, *, stop_after: int | None = None) -> dict[int, torch.Tensor]:
    frames: dict[int, torch.Tensor] = {}
    done = 0

    def watch(progress: Progress) -> None:
        nonlocal done
        done += 1
        if done == stop_after:
            raise StopError

    def keep(start: int, made: torch.Tensor) -> None:
        assert not frames.keys() & set(range(start, start + len(made)))
        frames.update(enumerate(made.clone(), start))

    with suppress(StopError):
        work.run(watch, keep)
    return frames


def through_file(state: dict[str, Any]) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def assert_same(some: dict[int, torch.Tensor], other: dict[int, torch.Tensor]) -> None:
    assert some.keys() == other.keys()
    assert all(torch.equal(frame, other[number]) for number, frame in some.items())


@pytest.mark.parametrize(
    ("kind", "stops"),
    [
        ("layers", (2, 4, 5)),  # in the first size, in the second, and at the very end
        ("chain", (3, 9, 13)),  # at the end of a size, in the second group, and on the way back
        ("none", (2, 5, 9)),
    ],
)
def test_a_run_that_was_stopped_ends_bit_for_bit_like_one_that_was_not(
    kind: str, stops: tuple[int, ...], teacher: SemanticTeacher, scene: Scene, quick: Quick
) -> None:
    targets, inverter = scene(4), MaskInverter(quick(**KINDS[kind]), teacher)
    wanted = made_by(inverter.work(targets))
    assert sorted(wanted) == [0, 1, 2, 3]
    for stop in stops:
        first = inverter.work(targets)
        before = made_by(first, stop_after=stop)
        state = through_file(first.state())
        second = MaskInverter(quick(**KINDS[kind]), teacher).work(targets)
        second.restore(state)
        assert second.step == stop
        assert_same(before | made_by(second), wanted)


def test_many_stops_of_one_run(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    targets, inverter = scene(3), MaskInverter(quick(**KINDS["chain"]), teacher)
    wanted, frames, state = made_by(inverter.work(targets)), {}, None
    for _ in range(20):
        work = inverter.work(targets)
        if state is not None:
            work.restore(state)
        frames |= made_by(work, stop_after=3)
        state = through_file(work.state())
        if len(frames) == len(wanted) and work.current is None:
            break
    assert_same(frames, wanted)


def test_seeds_decide(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    for settings in (KINDS["layers"], KINDS["none"]):
        made = [MaskInverter(quick(**settings, seed=seed), teacher).invert(scene(2)).float() for seed in (0, 0, 1)]
        assert torch.equal(made[0], made[1])
        assert (made[0] - made[2]).abs().mean() > 1


def test_frames_by_themselves_do_not_depend_on_other_groups(
    teacher: SemanticTeacher, scene: Scene, quick: Quick
) -> None:
    targets, inverter = scene(4), MaskInverter(quick(coherence="none"), teacher)
    whole = made_by(inverter.work(targets))
    alone = inverter.work(targets)
    alone.only(1)
    assert_same(made_by(alone), {number: whole[number] for number in (2, 3)})
    others = [*scene(3)[::-1][:2], *targets[2:]]
    assert_same({n: f for n, f in made_by(inverter.work(others)).items() if n > 1}, {n: whole[n] for n in (2, 3)})


def test_every_frame_has_its_own_noise(quick: Quick) -> None:
    config = quick()
    together = noise(config, range(4), (32, 48))
    assert torch.equal(noise(config, [2], (32, 48))[0], together[2])
    correlation = torch.corrcoef(together.flatten(1) - 0.5)
    assert (correlation - torch.eye(4)).abs().max() < 0.06
    assert not torch.equal(noise(quick(seed=1), [2], (32, 48)), together[2:3])
    assert abs(float(together.mean()) - 0.5) < 0.01
    assert abs(float(together.std()) - 0.1) < 0.01


def test_groups() -> None:
    assert groups(5, 2) == [range(2), range(2, 4), range(4, 5)]
    assert groups(2, 8) == [range(2)]


@pytest.mark.parametrize(
    ("settings", "kind", "parts"),
    [
        ({"coherence": "layers"}, Layered, 1),
        ({"coherence": "chain", "passes": 3}, Chain, 3),
        ({"coherence": "none", "passes": 3}, Separate, 1),
    ],
)
def test_kinds_and_steps(
    settings: dict[str, Any], kind: type, parts: int, teacher: SemanticTeacher, scene: Scene, quick: Quick
) -> None:
    work = MaskInverter(quick(**settings), teacher).work(scene(2))
    assert type(work) is kind
    assert (work.parts, work.steps, work.step) == (parts, 5 * parts, 0)
    seen: list[int] = []
    work.run(lambda _: seen.append(work.step))
    assert seen == list(range(1, 5 * parts + 1))


def test_a_chain_goes_on_from_the_frame_before_and_comes_back(
    teacher: SemanticTeacher, scene: Scene, quick: Quick
) -> None:
    """With a learning rate of next to nothing, what is made is what it starts from."""
    targets = scene(3)
    for target in targets[1:]:
        target.masks.copy_(targets[0].masks)  # nothing moves, so every warped start is the frame before
    for passes in (1, 2):
        config = quick(coherence="chain", passes=passes, batch=1, lr=1e-12, stages=1, start="grey")
        work = MaskInverter(config, teacher).work(targets)
        frames = made_by(work)
        start = (noise(config, [0], (32, 48))[0] * 255).round()
        for number in range(3):
            assert (frames[number].float() - start).abs().max() <= 12 + passes  # the curve keeps 0.02 from 0 and 1
            assert (frames[number].float() - start).abs().mean() < 0.6


def test_order_of_a_pass_that_goes_back(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    order: list[list[int]] = []
    work = MaskInverter(quick(coherence="chain", passes=2), teacher).work(scene(5))
    made: dict[int, torch.Tensor] = {}

    def keep(start: int, frames: torch.Tensor) -> None:
        order.append(list(range(start, start + len(frames))))
        made.update(enumerate(frames, start))

    work.run(finished=keep)
    assert order == [[3, 4], [1, 2], [0]]
    assert sorted(made) == list(range(5))


def test_the_best_so_far_has_the_numbers_of_its_frames(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    config = quick(coherence="chain", passes=2, stages=1, lr=1e-12)
    work = MaskInverter(config, teacher).work(scene(4))
    assert work.best() is None
    made_by(work, stop_after=2 * 5 + 3)  # in the first group of the way back: frames 3 and 2
    found = work.best()
    assert found is not None
    start, frames = found
    assert (start, len(frames)) == (2, 2)
    forward = MaskInverter(quick(coherence="chain", stages=1, lr=1e-12), teacher).invert(scene(4))
    for number in (2, 3):
        own, other = ((frames[number - 2].float() - forward[one].float()).abs().mean() for one in (number, 5 - number))
        assert own < 1.5
        assert own < other


def test_the_shared_background_is_the_same_in_every_frame(teacher: SemanticTeacher, scene: Scene, quick: Quick) -> None:
    targets = scene(4)
    frames = MaskInverter(quick(), teacher).invert(targets)
    grown = torch.stack([target.masks.any(0) for target in targets]).any(0).float()
    free = torch.nn.functional.max_pool2d(grown[None, None], 9, 1, 4)[0, 0] == 0
    assert free.sum() > 200
    assert all(torch.equal(frame[:, free], frames[0][:, free]) for frame in frames[1:])
    assert not torch.equal(frames[0], frames[1])
    own = MaskInverter(quick(background="own"), teacher).invert(targets)
    assert not torch.equal(own[0][:, free], own[1][:, free])


def test_no_targets(teacher: SemanticTeacher, quick: Quick) -> None:
    with pytest.raises(ValueError, match="targets must be one frame or more, got none"):
        MaskInverter(quick(), teacher).work([])
