"""`MaskLoss`: what the training of a network on masks minimises."""

from __future__ import annotations

from dataclasses import dataclass

from maskreel.vfp.timeline import OBSERVED, TARGET

__all__ = ["MaskLoss"]


@dataclass(frozen=True)
class MaskLoss:
    """What is minimised."""

    object_weight: float = 1.0
    """Weight of objects' pixels in the cross entropy, against those of the background, which are far more."""
    target_weight: float = 2.0
    """Weight of frame 21 in the cross entropy, against each of the other targets."""
    draft_weight: float = 0.1
    """Weight of the drafts' error in cells; without effect where objects go on at constant velocity."""
    presence: bool = True
    """Learn to choose among the classes that were observed; else among all 48 (tokens only), of which those that were
    not observed are left out of a forecast."""
    feedback_chance: float = 0.0
    """With the target (11,): chance that a batch is fed back before the step that is learned from."""
    feedback_steps: int = 1
    """How often it is then fed back."""
    feedback_gradient: bool = False
    """Learn through the fed back masks, too."""

    def __post_init__(self) -> None:
        for name in ("object_weight", "target_weight"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        if self.draft_weight < 0:
            raise ValueError(f"draft_weight must be 0 or more, got {self.draft_weight}")
        if not 0 <= self.feedback_chance <= 1:
            raise ValueError(f"feedback_chance must be a probability from 0 to 1, got {self.feedback_chance}")
        if not 1 <= self.feedback_steps <= TARGET - OBSERVED:
            raise ValueError(f"feedback_steps must be 1 to {TARGET - OBSERVED}, got {self.feedback_steps}")
