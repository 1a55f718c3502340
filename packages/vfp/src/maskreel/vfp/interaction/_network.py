"""A transformer whose tokens are the objects of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from maskreel.vfp.interaction._features import (
    AHEAD,
    OBJECT_FEATURES,
    PAIR_FEATURES,
    UNIT,
    object_features,
    pair_features,
    velocities,
)
from maskreel.vfp.timeline import OBSERVED

if TYPE_CHECKING:
    from maskreel.vfp.interaction._config import InteractionConfig
    from maskreel.vfp.interaction._observed import Observed

__all__ = ["InteractionTransformer", "Outlook"]

LEAST, MOST = -5.0, 3.0
"""Bounds of the natural logarithm of a scale."""


@dataclass(frozen=True)
class Outlook:
    """Where objects will be: Laplace distributions, the same in x and y, independent of each other."""

    places: torch.Tensor
    """float32 (B, N, 11, 2): medians in frames 11 to 21, in radii of a sphere; 0 for empty slots."""
    log_scale: torch.Tensor
    """float32 (B, N, 11): natural logarithm of the mean absolute deviation, in radii of a sphere."""


class InteractionTransformer(nn.Module):
    """Forecasts the ways of up to 10 objects that may collide.

    One token for each object; see `object_features`. Attention is told, besides, how any two objects move relative to
    each other (`pair_features`), as in Graphormer (Ying 2021, "Do Transformers Really Perform Bad for Graph
    Representation?"), and takes that up like the values. The answer is the difference to even motion.

    The order of the objects, empty slots and the place of the whole clip on the table change nothing.
    """

    def __init__(self, config: InteractionConfig) -> None:
        super().__init__()
        self.config = config
        self.embed = _perceptron(OBJECT_FEATURES, config.width, config.width)
        self.embed_pairs = _perceptron(PAIR_FEATURES, config.width, config.width)
        self.layers = nn.ModuleList([_Layer(config) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(config.width)
        self.answer = nn.Linear(config.width, 3 * AHEAD)
        nn.init.zeros_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)

    def forward(self, observed: Observed) -> Outlook:
        """Forecast B clips.

        Raises:
            ValueError: There are more objects than the configuration allows.
        """
        if observed.shape.shape[1] > self.config.objects:
            raise ValueError(f"observed must have at most {self.config.objects} slots, got {observed.shape.shape[1]}")
        velocity, present = velocities(observed), observed.present
        tokens = self.embed(object_features(observed, velocity))
        pairs = self.embed_pairs(pair_features(observed, velocity))
        # A clip without objects needs one to look at, or softmax would divide by 0.
        hidden = ~present & present.any(1, keepdim=True)
        for layer in self.layers:
            tokens = layer(tokens, pairs, hidden)
        answer = self.answer(self.norm(tokens)).unflatten(-1, (AHEAD, 3))
        ahead = torch.arange(OBSERVED, OBSERVED + AHEAD, device=tokens.device) - observed.last[..., None]
        evenly = observed.last_places[..., None, :] + velocity[..., None, :] * ahead[..., None]
        places = (evenly + UNIT * answer[..., :2]) * present[..., None, None]
        return Outlook(places, answer[..., 2].clamp(LEAST, MOST))

    def forecast(self, observed: Observed) -> Outlook:
        """The mean of the forecasts of the clips and of their mirror images; in inference mode."""
        with torch.inference_mode():
            ours, theirs = self(observed), self(observed.mirrored())
        turned = theirs.places * theirs.places.new_tensor([-1.0, 1.0])
        # Where the two disagree is doubt, too.
        apart = (ours.places - turned).abs().mean(-1) / 2
        scale = (ours.log_scale.exp() + theirs.log_scale.exp()) / 2 + apart
        return Outlook((ours.places + turned) / 2, scale.log())


class _Layer(nn.Module):
    def __init__(self, config: InteractionConfig) -> None:
        super().__init__()
        self.attend_norm, self.think_norm = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.attend = _PairAttention(config)
        self.think = _perceptron(config.width, config.feed_forward, config.width)

    def forward(self, tokens: torch.Tensor, pairs: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        tokens = tokens + self.attend(self.attend_norm(tokens), pairs, hidden)
        return tokens + self.think(self.think_norm(tokens))


class _PairAttention(nn.Module):
    """Attention whose weights and values also depend on the pair of tokens."""

    def __init__(self, config: InteractionConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.project = nn.Linear(config.width, 3 * config.width)
        self.favour = nn.Linear(config.width, config.heads)
        self.join = nn.Linear(2 * config.width, config.width)

    def forward(self, tokens: torch.Tensor, pairs: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        query, key, value = self.project(tokens).unflatten(-1, (3, self.heads, -1)).unbind(-3)
        logits = torch.einsum("bihc,bjhc->bijh", query, key) * query.shape[-1] ** -0.5 + self.favour(pairs)
        weight = logits.masked_fill(hidden[:, None, :, None], float("-inf")).softmax(2)
        found = torch.einsum("bijh,bjhc->bihc", weight, value)
        between = torch.einsum("bijh,bijhc->bihc", weight, pairs.unflatten(-1, (self.heads, -1)))
        return self.join(torch.cat([found.flatten(-2), between.flatten(-2)], -1))


def _perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs))
