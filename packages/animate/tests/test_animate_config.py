"""`AnimateConfig`: what it takes, what it refuses, and that every setting is explained."""

from __future__ import annotations

import ast
import inspect
from dataclasses import FrozenInstanceError, fields
from itertools import pairwise
from typing import Any

import pytest

from maskreel.animate import config as config_module
from maskreel.animate.config import AnimateConfig


def test_every_setting_has_a_docstring() -> None:
    tree = ast.parse(inspect.getsource(config_module))
    (body,) = (node.body for node in tree.body if isinstance(node, ast.ClassDef))
    explained = {
        field.target.id
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }
    assert explained == {field.name for field in fields(AnimateConfig)}


def test_it_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        AnimateConfig().batch = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"source_framing": "face"}, "source_framing must be one of auto, whole, subject, got 'face'"),
        ({"driving_framing": None}, "driving_framing must be one of auto, whole, subject, got None"),
        ({"motion": "free"}, "motion must be one of auto, absolute, relative, got 'free'"),
        ({"kind": "dog"}, "kind must be one of auto, same, other, got 'dog'"),
        ({"swap": "paste"}, "swap must be one of network, composite, got 'paste'"),
        ({"mask_border": "wrap"}, "mask_border must be one of model, zero, replicate, got 'wrap'"),
        ({"device": "tpu"}, "device must be one of auto, cpu, cuda, got 'tpu'"),
        ({"precision": "fp16"}, "precision must be one of fp32, bf16, got 'fp16'"),
        ({"precision": "bf16", "fused": False}, "precision bf16 needs the fused graph, got fused False"),
        ({"start": "best"}, "start must be auto or the number of a frame, got 'best'"),
        ({"start": True}, "start must be auto or the number of a frame, got True"),
        ({"start": -1}, "start must be auto or a frame counted from 0, got -1"),
        ({"start": 2, "motion": "absolute"}, "start is where relative .*, got start 2 with motion absolute"),
        ({"smoothing": 1.0}, "smoothing must be at least 0 and below 1, got 1.0"),
        ({"smoothing": float("nan")}, "smoothing must be at least 0 and below 1, got nan"),
        ({"batch": 0}, "batch must be 1 or more, got 0"),
        ({"crf": 52}, "crf must be 0 to 51, got 52"),
    ],
)
def test_what_is_out_of_range_is_refused(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        AnimateConfig(**setting)


def test_edges_of_ranges_are_allowed() -> None:
    config = AnimateConfig(start=0, smoothing=0.0, batch=1, crf=51)
    assert (config.start, config.smoothing, config.batch, config.crf) == (0, 0.0, 1, 51)
