"""Label maps to stacks of one mask per object, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from maskreel.common.masks._labels import VOID, require_labels, require_masks

if TYPE_CHECKING:
    from collections.abc import Sequence


def labels_to_instances(
    labels: torch.Tensor, *, ids: Sequence[int] | None = None
) -> tuple[torch.Tensor, tuple[int, ...]]:
    """Split uint8 labels (..., H, W) into one mask per object: bool (..., N, H, W), and the N ids.

    `ids` fixes the objects and their order, for instance when a video comes in pieces; by default they are the labels
    that occur, in rising order. Void pixels (255) belong to no object: keep `labels == VOID` if you want them back.
    Raises ValueError if a label occurs that is not in `ids`.
    """
    require_labels(labels)
    present = tuple(value for value in torch.unique(labels).tolist() if value not in (0, VOID))
    ids = present if ids is None else _checked(ids)
    if unknown := sorted(set(present) - set(ids)):
        raise ValueError(f"labels holds {unknown}, which are not among the ids {ids}")
    wanted = torch.tensor(ids, dtype=torch.uint8, device=labels.device)
    return labels.unsqueeze(-3) == wanted[:, None, None], ids


def instances_to_labels(
    instances: torch.Tensor,
    ids: Sequence[int],
    *,
    order: Sequence[int] | None = None,
    void: torch.Tensor | None = None,
) -> torch.Tensor:
    """Paint instance masks (..., N, H, W) into one uint8 label map (..., H, W); the reverse of `labels_to_instances`.

    `order` lists the ids from back to front where objects may cover each other; without it, overlap is an error.
    Pixels of the bool mask `void` (..., H, W) become 255, over any object. Raises ValueError for overlap without order,
    and for ids that do not fit.
    """
    require_masks(instances, "instances")
    ids = _checked(ids)
    if instances.ndim < 3 or instances.shape[-3] != len(ids):
        raise ValueError(
            f"instances must have shape (..., {len(ids)}, H, W) for ids {ids}, got {tuple(instances.shape)}"
        )
    if order is None and (instances.sum(-3) > 1).any():
        raise ValueError("instances overlap: give order, the ids from back to front")
    if order is not None and sorted(order) != sorted(ids):
        raise ValueError(f"order must name each of the ids {ids} once, got {tuple(order)}")
    labels = torch.zeros_like(instances.any(-3), dtype=torch.uint8)
    for number in ids if order is None else order:
        labels[instances[..., ids.index(number), :, :]] = number
    if void is not None:
        require_masks(void, "void")
        if void.shape != labels.shape:
            raise ValueError(
                f"void must have the shape of the label map, {tuple(labels.shape)}, got {tuple(void.shape)}"
            )
        labels[void] = VOID
    return labels


def _checked(ids: Sequence[int]) -> tuple[int, ...]:
    if not all(0 < number < VOID for number in ids) or len(set(ids)) != len(ids):
        raise ValueError(f"ids must be different numbers from 1 to {VOID - 1}, got {tuple(ids)}")
    return tuple(ids)
