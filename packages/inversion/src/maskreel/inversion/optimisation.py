"""`Optimisation`: one group of frames on its way from noise to pixels that show the given masks."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from maskreel.inversion.balance import Balance, Measure, balance, measure
from maskreel.inversion.best import Best, as_bytes
from maskreel.inversion.resize import resized
from maskreel.inversion.schedule import learning_rate, stages, steps_of
from maskreel.inversion.video import SequenceMotion

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from maskreel.inversion.objective import Objective
    from maskreel.inversion.pictures import Painting
    from maskreel.inversion.targets import FrameTarget

    Watch = Callable[["Progress"], None]

__all__ = ["Optimisation", "Progress"]

logger = logging.getLogger(__name__)

RELATIVE = {"background", "colour", "temporal", "competition"}
"""Terms whose slope at the first noise says nothing, because noise has none of their faults; their weight is a factor,
where that of the mask term is 1."""
JUDGED = 2
"""Batches of frames that a video is judged by."""


@dataclass(frozen=True)
class Progress:
    """One step that was done."""

    step: int
    """From 1, over all sizes."""
    steps: int
    size: tuple[int, int]
    terms: dict[str, float]
    """Means of the unweighted terms over the frames of the step."""
    loss: float | None = None
    """Weighted, over all frames without augmentation; None between two checks."""


class Optimisation:
    """Optimises a painting of T frames step by step; `state` and `restore` make it exact to stop in between.

    Args:
        paint: Makes the painting at a size (height, width): called once, for the coarsest.
        targets: What the T frames are to show, at the size they are to have in the end.
        objective: The loss.
        seed: Of everything random but the first noise.
        before: float (3, H, W), a finished frame that the first one follows, at the final size.
        before_target: What it shows.
    """

    def __init__(
        self,
        paint: Callable[[tuple[int, int]], Painting],
        targets: Sequence[FrameTarget],
        objective: Objective,
        *,
        seed: int,
        before: torch.Tensor | None = None,
        before_target: FrameTarget | None = None,
    ) -> None:
        self.objective, self.config = objective, objective.config
        self._targets, self._before, self._before_target = list(targets), before, before_target
        self._plan = stages(self._targets[0].size, self.config.stages)
        self.steps_by_stage = steps_of(self._plan, self.config.steps)
        self._generator = torch.Generator().manual_seed(seed)
        self._balance: Balance | None = None
        self.step = 0
        self._enter(0, paint(self._plan[0].size))

    @property
    def steps(self) -> int:
        """Steps of all sizes."""
        return sum(self.steps_by_stage)

    @property
    def done(self) -> bool:
        """Whether all steps are done."""
        return self.step >= self.steps

    @property
    def frames(self) -> torch.Tensor:
        """The best frames so far, as they are before the first check: uint8 (T, 3, H, W), at the present size."""
        return as_bytes(self._painted()) if self._best.frames is None else self._best.frames

    def run(self, watch: Watch | None = None) -> torch.Tensor:
        """Do all the steps that are left and return the best frames, uint8 (T, 3, H, W).

        Raises:
            ValueError: A term is no longer finite.
        """
        while not self.done:
            progress = self.advance()
            if watch is not None:
                watch(progress)
        return self.frames

    def advance(self) -> Progress:
        """Do one step."""
        within = self.step - sum(self.steps_by_stage[: self._stage])
        count = self.steps_by_stage[self._stage]
        terms = self._descend(learning_rate(within, count, self.config.lr, self._warmup(count), self.config.schedule))
        self.step += 1
        loss = None
        if (within + 1) % max(1, count // self.config.checks) == 0 or within + 1 == count:
            loss = self._judge()
        size = self._plan[self._stage].size
        if within + 1 == count or self._stuck():
            self.next_stage()
        return Progress(self.step, self.steps, size, terms, loss)

    def state(self) -> dict[str, Any]:
        """Everything that the next steps depend on; tensors, numbers and strings only."""
        return {
            "step": self.step,
            "stage": self._stage,
            "painting": self.painting.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "generator": self._generator.get_state(),
            "balance": None if self._balance is None else asdict(self._balance),
            "best": self._best.state(),
            "checks": list(self._losses),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state` of the same masks and config."""
        while self._stage < state["stage"]:
            self._enter(self._stage + 1, self.painting.resized(self._plan[self._stage + 1].size))
        self.painting.load_state_dict(state["painting"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._generator.set_state(state["generator"])
        self._balance = None if state["balance"] is None else _balance(state["balance"])
        self._best.restore(state["best"])
        self._losses = list(state["checks"])
        self.step = state["step"]

    def _enter(self, stage: int, painting: Painting) -> None:
        """Begin a size."""
        self._stage, self.painting = stage, painting
        self._optimiser = torch.optim.Adam(painting.parameters(), self.config.lr, betas=self.config.betas)
        self._best = Best()
        self._losses: list[float] = []
        size = self._plan[stage].size
        self._small = [target.resized(size) for target in self._targets]
        self._earlier = None if self._before is None else resized(self._before[None], size)[0]
        self.__dict__.pop("_motion", None)

    def next_stage(self) -> None:
        """Leave the present size, whatever steps are left of it."""
        self.step = sum(self.steps_by_stage[: self._stage + 1])
        if self._stage + 1 < len(self._plan):
            self._enter(self._stage + 1, self.painting.resized(self._plan[self._stage + 1].size))

    def _warmup(self, count: int) -> int:
        return round(self.config.warmup * count)

    def _descend(self, rate: float) -> dict[str, float]:
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        chosen = self._chosen()
        images = self.painting.frames(chosen)
        targets = [self._small[index] for index in chosen]
        terms = self.objective.terms(
            images, targets, self._generator, scale=self._scale, **self._neighbours(images, chosen)
        )
        values = {name: float(term.detach().mean()) for name, term in terms.items()}
        if broken := [name for name, value in values.items() if not abs(value) < float("inf")]:
            raise ValueError(f"{broken[0]} is {values[broken[0]]} after {self.step} steps; lower lr or its weight")
        if self._balance is None:
            self._balance = self._balanced(terms, images)
            logger.info("factors of the losses: %s", self._balance)
        self._optimiser.zero_grad(set_to_none=True)
        self._balance.total(terms).backward()
        self._optimiser.step()
        self.painting.clamp_()
        return values

    def _balanced(self, terms: dict[str, torch.Tensor], images: torch.Tensor) -> Balance:
        """Factors for all steps, from the noise that they start from, which looks alike whatever the masks."""
        wanted = {name: float(getattr(self.config.weights, name)) for name in terms}
        if not self.config.balance:
            values = {name: Measure(float(term.detach().mean()), 0.0) for name, term in terms.items()}
            return Balance(wanted, dict.fromkeys(wanted, 0.0), values)
        measured = measure(terms, images)
        relative = wanted.keys() & RELATIVE
        free = {name: share for name, share in wanted.items() if name not in relative}
        found = balance({name: measured[name] for name in free}, free)
        unit = found.weights["mask"] or 1.0  # 0 where no frame has an object
        weights = {name: weight / unit for name, weight in found.weights.items()}
        weights |= {name: wanted[name] for name in relative}
        return Balance(weights, found.shares | dict.fromkeys(relative, 0.0), measured)

    @torch.no_grad()
    def _judge(self) -> float:
        """Mean weighted loss of the frames, without augmentation; the best frames are kept.

        Frames that belong together are judged by some of them, spread over the sequence.
        """
        together, count = self.config.coherence != "none", len(self._small)
        few = min(count, JUDGED * self.config.batch) if together else count
        numbers = [round(k * (count - 1) / max(1, few - 1)) for k in range(few)]
        images = torch.cat([self.painting.frames(part) for part in self._batches(numbers)])
        losses = [
            self._loss_of(image, [self._small[index] for index in part])
            for image, part in zip(images.split(self.config.batch), self._batches(numbers), strict=True)
        ]
        loss = float(torch.cat(losses).mean())
        if together:
            self._best.whole(loss, self._painted)
        else:
            self._best.each(images, torch.cat(losses))
        self._losses.append(loss)
        return loss

    @torch.no_grad()
    def _painted(self) -> torch.Tensor:
        """All frames, without gradient."""
        return torch.cat([self.painting.frames(part) for part in self._batches(range(len(self._small)))])

    def _batches(self, numbers: Sequence[int]) -> list[Sequence[int]]:
        size = self.config.batch
        return [numbers[start : start + size] for start in range(0, len(numbers), size)]

    def _loss_of(self, images: torch.Tensor, targets: list[FrameTarget]) -> torch.Tensor:
        """(B,); what is one value for the batch counts for each image."""
        fixed = torch.Generator().manual_seed(self.config.seed)
        terms = self.objective.terms(images, targets, fixed, plain=True)
        weights = self._balance.weights if self._balance else dict.fromkeys(terms, 1.0)
        total = images.new_zeros(len(images))
        for name, term in terms.items():
            total = total + weights.get(name, 0.0) * term
        return total

    def _stuck(self) -> bool:
        """No check of late was better than those before by the tolerance."""
        patience = self.config.patience
        if not patience or len(self._losses) <= patience:
            return False
        before, late = min(self._losses[:-patience]), min(self._losses[-patience:])
        return late > before * (1 - self.config.tolerance)

    def _chosen(self) -> range:
        """Neighbouring frames for a step, as many as a batch holds."""
        count, batch = len(self._small), self.config.batch
        if count <= batch:
            return range(count)
        start = int(torch.randint(count - batch + 1, (), generator=self._generator))
        if self._balance is None:
            start = self._fullest()
        return range(start, start + batch)

    def _fullest(self) -> int:
        """First frame of the batch with most objects, to balance by: frames without any have no slope of the masks."""
        counts = [int(target.masks.flatten(1).any(1).sum()) for target in self._small]
        starts = range(len(counts) - self.config.batch + 1)
        return max(starts, key=lambda start: sum(counts[start : start + self.config.batch]))

    @property
    def _scale(self) -> float:
        return self._plan[self._stage].size[0] / self._targets[0].size[0]

    @cached_property
    def _motion(self) -> SequenceMotion | None:
        """Of all frames at the present size, with the one before if there is one."""
        if self.config.coherence == "none" or not self.config.weights.temporal:
            return None
        size = self._plan[self._stage].size
        first = [] if self._before_target is None else [self._before_target.resized(size)]
        return SequenceMotion.of([*first, *self._small], kind=self.config.motion)

    def _neighbours(self, images: torch.Tensor, chosen: range) -> dict[str, Any]:
        """What the temporal term needs."""
        if self._motion is None:
            return {}
        lead = 0 if self._earlier is None else 1
        if lead and chosen.start == 0:
            assert self._earlier is not None
            return {
                "motion": self._motion.chunk(0, chosen.stop + 1),
                "neighbours": torch.cat([self._earlier[None], images]),
            }
        return {"motion": self._motion.chunk(chosen.start + lead, chosen.stop + lead), "neighbours": images}


def _balance(state: dict[str, Any]) -> Balance:
    measures = {name: Measure(**values) for name, values in state["measures"].items()}
    return Balance(state["weights"], state["shares"], measures)
