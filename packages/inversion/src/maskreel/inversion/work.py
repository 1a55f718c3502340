"""The ways from masks to frames: as layers, frame groups each by itself, or group after group in a chain.

Each is a `Work` that can be stopped, saved and resumed after any step.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch

from maskreel.inversion.optimisation import Optimisation
from maskreel.inversion.pictures import Pictures
from maskreel.inversion.resize import resized
from maskreel.inversion.start import GREY, SPREAD, noise
from maskreel.inversion.tints import likeliest_colours, tinted
from maskreel.inversion.video import Layers, SequenceMotion, hold_colours, warped_start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from maskreel.inversion.objective import Objective
    from maskreel.inversion.optimisation import Progress
    from maskreel.inversion.pictures import Painting
    from maskreel.inversion.targets import FrameTarget

    Watch = Callable[[Progress], None]
    Finished = Callable[[int, torch.Tensor], None]

__all__ = ["Chain", "Layered", "Separate", "Work", "groups", "work_for"]


def work_for(
    targets: Sequence[FrameTarget],
    objective: Objective,
    device: torch.device,
    *,
    single: Mapping[int, Objective] | None = None,
) -> Work:
    """The work that the config of the objective asks for; `single`: other objectives of frames made by themselves."""
    if objective.config.coherence == "none":
        return Separate(targets, objective, device, single=single)
    return (Chain if objective.config.coherence == "chain" else Layered)(targets, objective, device)


def groups(count: int, batch: int) -> list[range]:
    """Numbers of the frames that are optimised together where there are no layers."""
    return [range(start, min(start + batch, count)) for start in range(0, count, batch)]


class Work(ABC):
    """A sequence of optimisations.

    Args:
        targets: What each of T frames is to show; of one size, with the same objects in the same order.
        objective: The loss, with its config.
        device: Where pixels are.

    Raises:
        ValueError: There are no targets.
    """

    def __init__(self, targets: Sequence[FrameTarget], objective: Objective, device: torch.device) -> None:
        if not targets:
            raise ValueError("targets must be one frame or more, got none")
        self.targets = [target.to(device) for target in targets]
        self.objective, self.config, self.device = objective, objective.config, device
        self.part = 0
        """Number of the optimisation at hand."""
        self.stop: int | None = None
        """Part to stop before; None: after the last."""
        self.current: Optimisation | None = None

    @property
    @abstractmethod
    def parts(self) -> int:
        """How many optimisations there are."""

    @property
    def steps(self) -> int:
        """Steps of all of them."""
        return self.parts * self.config.steps

    @property
    def step(self) -> int:
        """Steps that are done, of all parts."""
        return self.part * self.config.steps + (0 if self.current is None else self.current.step)

    def run(self, watch: Watch | None = None, finished: Finished | None = None) -> None:
        """Do what is left.

        Args:
            watch: Called after each step.
            finished: Called with the first number and the frames, uint8 (B, 3, H, W), of what will not change again.
        """
        while self.part < (self.parts if self.stop is None else self.stop):
            if self.current is None:
                self.current = self.begin(self.part)
            start, frames = self._end(self.part, self.current.run(watch))
            self.part, self.current = self.part + 1, None
            if finished is not None and start is not None:
                finished(start, frames)

    def only(self, part: int) -> None:
        """Do one part alone, for work whose parts do not depend on each other."""
        self.part, self.stop = part, part + 1

    def best(self) -> tuple[int, torch.Tensor] | None:
        """Number of the first, and the best so far, of the frames that are being made."""
        if self.current is None:
            return None
        return self._first(self.part), self._in_order(self.part, self.current.frames)

    def state(self) -> dict[str, Any]:
        """Everything that the next steps depend on; tensors, numbers and strings only."""
        return {
            "part": self.part,
            "current": None if self.current is None else self.current.state(),
            "made": self._made(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state` of the same targets and config."""
        self.part = state["part"]
        self._restore_made(state["made"])
        self.current = None
        if state["current"] is not None:
            self.current = self.begin(self.part)
            self.current.restore(state["current"])

    @abstractmethod
    def begin(self, part: int) -> Optimisation:
        """The optimisation of a part, at its first step."""

    @abstractmethod
    def _first(self, part: int) -> int:
        """Number of the first frame of a part."""

    def _in_order(self, part: int, frames: torch.Tensor) -> torch.Tensor:
        """The frames of a part from the first to the last."""
        return frames

    def _end(self, part: int, frames: torch.Tensor) -> tuple[int | None, torch.Tensor]:
        """What is finished with a part: the first number and the frames; None: nothing yet."""
        return self._first(part), self._in_order(part, frames)

    def _made(self) -> Any:
        """What later parts depend on beyond the targets."""
        return None

    def _restore_made(self, made: Any) -> None:
        """Go back to what `_made` gave."""
        assert made is None


class Layered(Work):
    """All frames together, as a background and objects that ride on it."""

    @property
    def parts(self) -> int:
        """See `Work`."""
        return 1

    def _first(self, part: int) -> int:
        return 0

    def begin(self, part: int) -> Optimisation:
        config = self.config

        def paint(size: tuple[int, int]) -> Painting:
            layers = Layers.of(
                self.targets,
                size=size,
                background=config.background,
                kind=config.motion,
                details=config.details,
                levels=config.levels,
                level=GREY,
                spread=SPREAD,
                generator=torch.Generator().manual_seed(config.seed),
            )
            if config.start == "tinted":
                layers.tint_(self._colours(size))
            return layers.to(self.device)

        return Optimisation(paint, self.targets, self.objective, seed=config.seed)

    def _colours(self, size: tuple[int, int]) -> torch.Tensor:
        """What the objects start from, (N, 3); by as many frames as a batch holds, spread over the sequence."""
        count, config = len(self.targets), self.config
        few = min(count, config.batch)
        chosen = [round(k * (count - 1) / max(1, few - 1)) for k in range(few)]
        targets = [self.targets[index].resized(size) for index in chosen]
        images = noise(config, chosen, size).to(self.device)
        return likeliest_colours(self.objective.teacher, images, targets, batch=config.batch).cpu()


class Separate(Work):
    """Groups of frames, each by itself; frames of a group share nothing but the statistics of their batch."""

    def __init__(
        self,
        targets: Sequence[FrameTarget],
        objective: Objective,
        device: torch.device,
        *,
        single: Mapping[int, Objective] | None = None,
    ) -> None:
        super().__init__(targets, objective, device)
        self.groups = groups(len(self.targets), self.config.batch)
        self._single = single or {}

    @property
    def parts(self) -> int:
        """See `Work`."""
        return len(self.groups)

    def _first(self, part: int) -> int:
        return self.groups[part].start

    def begin(self, part: int) -> Optimisation:
        return self._optimisation(self.targets, self.groups[part])

    def _optimisation(
        self,
        targets: Sequence[FrameTarget],
        group: range,
        *,
        starts: torch.Tensor | None = None,
        before: torch.Tensor | None = None,
    ) -> Optimisation:
        config = self.config

        def paint(size: tuple[int, int]) -> Painting:
            begin = self._noise(group, size) if starts is None else resized(starts, size)
            return Pictures(begin, config.levels, bounded=config.start != "normal").to(self.device)

        return Optimisation(
            paint,
            [targets[index] for index in group],
            self._single.get(group.start, self.objective),
            seed=zlib.crc32(f"{config.seed} group {group.start}".encode()),
            before=before,
            before_target=None if before is None else targets[group.start - 1],
        )

    def _noise(self, group: range, size: tuple[int, int]) -> torch.Tensor:
        images = noise(self.config, group, size)
        if self.config.start != "tinted":
            return images
        targets, images = [self.targets[index].resized(size) for index in group], images.to(self.device)
        colours = likeliest_colours(self.objective.teacher, images, targets, batch=self.config.batch)
        return tinted(images, targets, colours).cpu()


class Chain(Separate):
    """Group after group, each starting from the frame before it, warped; further passes go back and forth.

    A pass after the first starts from the frames of the pass before. Colours of the background are held to those of the
    first frame of the pass, or they would drift.
    """

    def __init__(self, targets: Sequence[FrameTarget], objective: Objective, device: torch.device) -> None:
        super().__init__(targets, objective, device)
        self._frames: list[torch.Tensor] = []
        """uint8 (3, H, W) each, of this pass, in its order."""
        self._earlier: list[torch.Tensor] = []
        """Those of the pass before, in the order of this one."""

    @property
    def parts(self) -> int:
        """See `Work`."""
        return len(self.groups) * self.config.passes

    def _first(self, part: int) -> int:
        group = self.groups[part % len(self.groups)]
        return len(self.targets) - group.stop if self._backwards(part) else group.start

    def _backwards(self, part: int) -> bool:
        return part // len(self.groups) % 2 == 1

    def begin(self, part: int) -> Optimisation:
        group = self.groups[part % len(self.groups)]
        targets = self.targets[::-1] if self._backwards(part) else self.targets
        before = self._image(self._frames[-1]) if self._frames else None
        starts = None
        if self._earlier:
            starts = torch.stack([self._image(self._earlier[index]) for index in group])
        elif before is not None:
            starts = self._warped(before, targets[group.start - 1 : group.stop], group)
        return self._optimisation(targets, group, starts=starts, before=before)

    def _end(self, part: int, frames: torch.Tensor) -> tuple[int | None, torch.Tensor]:
        group = self.groups[part % len(self.groups)]
        targets = self.targets[::-1] if self._backwards(part) else self.targets
        if self._frames:
            free = ~torch.stack([targets[index].masks.any(0) for index in (0, *group)])
            images = hold_colours(frames.to(self.device) / 255, self._image(self._frames[0]), where=free[1:] & free[:1])
            frames = (images * 255).round().to(torch.uint8).cpu()
        self._frames.extend(frames)
        last = part // len(self.groups) == self.config.passes - 1
        if not last and group is self.groups[-1]:
            self._earlier, self._frames = self._frames[::-1], []
        return self._first(part) if last else None, self._in_order(part, frames)

    def _in_order(self, part: int, frames: torch.Tensor) -> torch.Tensor:
        return frames.flip(0) if self._backwards(part) else frames

    def _image(self, frame: torch.Tensor) -> torch.Tensor:
        return frame.to(self.device).float() / 255

    def _warped(self, image: torch.Tensor, targets: Sequence[FrameTarget], group: range) -> torch.Tensor:
        """Each frame of a group as the one before the group shows it, step by step."""
        motion = SequenceMotion.of(targets, kind=self.config.motion)
        starts = []
        for step, index in enumerate(group):
            fill = noise(self.config, range(index, index + 1), self.targets[0].size)[0].to(image)
            image = warped_start(
                image, motion.backward[step].float(), motion.backward_visible[step], fill, mode="nearest"
            )
            starts.append(image)
        return torch.stack(starts)

    def _made(self) -> Any:
        return {"frames": list(self._frames), "earlier": list(self._earlier)}

    def _restore_made(self, made: Any) -> None:
        self._frames, self._earlier = list(made["frames"]), list(made["earlier"])
