"""The whole pipeline as ONNX files, to run without PyTorch."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from maskreel.animate.perturb import shrinking
from maskreel.common.atomic import atomic_path, write_json
from maskreel.common.errors import require_extra

if TYPE_CHECKING:
    import os

    from maskreel.animate.model import AnimationModel

__all__ = ["export_onnx"]

_EXAMPLES = 2
"""Images in the examples; a single one would tell no free batch size."""


def export_onnx(model: AnimationModel, folder: str | os.PathLike[str], *, size: int | None = None) -> list[Path]:
    """Write three graphs with batch norm folded, each with its weights in the same file, and what they are.

    - masks.onnx: `images` (N, 3, S, S) to `masks` (N, 1, s, s): m, for source, driving and background pictures.
    - animate.onnx: `source` (1, 3, S, S), `source_mask` (1, 1, s, s), `driving_masks` (N, 1, s, s) to `refined`
      (N, 1, s, s), `low` and `pictures` (N, 3, S, S): P_test, r, L and H.
    - swap.onnx: `foreground` (N, 3, S, S), `masks` (N, 1, s, s), `backdrop` (N, 3, S, S), `backdrop_masks`
      (N, 1, s, s) to `base` and `swapped` (N, 3, S, S): BGBase and BGRefine.
    - animate.json: sizes of the networks, the size S and the mask size s, inputs and outputs of each graph.

    Everything is float32 in [0, 1], RGB; N is free, S is not.

    Args:
        model: not changed; its batch norm uses the running statistics.
        folder: made if it is not there.
        size: S in pixels; by default the model's own.

    Returns:
        The four paths.

    Raises:
        MissingExtraError: `onnx` or `onnxscript` is not installed.
        ValueError: the size does not fit the networks.
    """
    require_extra("maskreel-animate[onnx]", "onnx", "onnxscript")
    size = model.config.size if size is None else size
    multiple = model.config.multiple
    if size < multiple or size % multiple:
        raise ValueError(f"size must be a multiple of {multiple}, got {size}")
    graphs = _graphs(model, size)
    paths = []
    for name, graph in graphs.items():
        paths.append(Path(folder) / f"{name}.onnx")
        _write(graph, paths[-1])
    paths.append(Path(folder) / "animate.json")
    about = {name: {"inputs": list(graph.inputs), "outputs": list(graph.outputs)} for name, graph in graphs.items()}
    sizes = {"size": size, "mask_size": size // model.config.factor}
    write_json(paths[-1], {**sizes, "graphs": about, "model": asdict(model.config)})
    return paths


class _Graph(nn.Module):
    """Something to export: names and shapes of inputs (0: the batch), names of outputs."""

    inputs: dict[str, tuple[int, ...]]
    outputs: tuple[str, ...]

    def __init__(self, model: AnimationModel, size: int) -> None:
        super().__init__()
        self.model = model
        self.picture, self.mask = (3, size, size), (1, size // model.config.factor, size // model.config.factor)


class _Masks(_Graph):
    outputs = ("masks",)

    def __init__(self, model: AnimationModel, size: int) -> None:
        super().__init__(model, size)
        self.inputs = {"images": (0, *self.picture)}

    def forward(self, images: Tensor) -> Tensor:
        return self.model.masks(images)


class _Animate(_Graph):
    outputs = ("refined", "low", "pictures")

    def __init__(self, model: AnimationModel, size: int) -> None:
        super().__init__(model, size)
        self.inputs = {
            "source": (1, *self.picture),
            "source_mask": (1, *self.mask),
            "driving_masks": (0, *self.mask),
        }
        self.shrink = shrinking(self.mask[-1], model.config.test_strength)

    def forward(self, source: Tensor, source_mask: Tensor, driving_masks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        parts = self.model.source(source, source_mask)
        perturbed = _perturbed(driving_masks, self.model.config.threshold, self.shrink)
        refined = self.model.refined(parts, perturbed, perturbed=True)
        return refined, *self.model.pictures(parts, refined)


class _Swap(_Graph):
    outputs = ("base", "swapped")

    def __init__(self, model: AnimationModel, size: int) -> None:
        super().__init__(model, size)
        picture, mask = (0, *self.picture), (0, *self.mask)
        self.inputs = {"foreground": picture, "masks": mask, "backdrop": picture, "backdrop_masks": mask}

    def forward(
        self, foreground: Tensor, masks: Tensor, backdrop: Tensor, backdrop_masks: Tensor
    ) -> tuple[Tensor, Tensor]:
        return self.model.swapped(foreground, masks, backdrop, backdrop_masks)


def _graphs(model: AnimationModel, size: int) -> dict[str, _Graph]:
    from maskreel.animate.fused import portable

    folded = portable(model)
    return {"masks": _Masks(folded, size), "animate": _Animate(folded, size), "swap": _Swap(folded, size)}


def _perturbed(masks: Tensor, threshold: float, shrink: Tensor) -> Tensor:
    """`perturb_for_inference` of square masks in operations that ONNX knows."""
    levels = (masks * 255).round() / 255
    levels = torch.where(levels > threshold + 1e-6, levels, torch.zeros_like(levels))
    return shrink.T @ levels @ shrink


def _write(graph: _Graph, path: Path) -> None:
    free = [name for name, shape in graph.inputs.items() if not shape[0]]
    # Only one gets the name: the exporter finds out by itself that the others are equal, and warns of equal names.
    batch = dict.fromkeys(free, torch.export.Dim.DYNAMIC) | {free[0]: torch.export.Dim("batch")}
    examples = tuple(torch.rand(shape[0] or _EXAMPLES, *shape[1:]) for shape in graph.inputs.values())
    with atomic_path(path) as scratch, torch.no_grad():
        torch.onnx.export(
            graph.eval(),
            examples,
            str(scratch),
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_shapes={name: {0: batch[name]} if name in batch else None for name in graph.inputs},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
