"""One word for where networks work, whoever takes it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
import torch

from maskreel.common.errors import InputError
from maskreel.inpaint._device import network_device
from maskreel.inpaint.deepfill import DeepFillInpainter
from maskreel.inpaint.dfc import DFCCompleter, dfc_completer
from maskreel.inpaint.flow.raft import RAFTFlow
from maskreel.inpaint.generator import SmallInpainter
from maskreel.inpaint.openmmlab import FlowNet2, OpenMMLabSegmenter
from maskreel.inpaint.painting.lama import LaMaInpainter
from maskreel.inpaint.segmenters.torchvision import TorchvisionSegmenter

if TYPE_CHECKING:
    from collections.abc import Callable

TAKERS = (
    DFCCompleter,
    DeepFillInpainter,
    FlowNet2,
    FlowNet2.with_random_weights,
    LaMaInpainter,
    OpenMMLabSegmenter,
    OpenMMLabSegmenter.with_random_weights,
    RAFTFlow,
    SmallInpainter,
    TorchvisionSegmenter,
    dfc_completer,
)


@pytest.mark.parametrize(("there", "found"), [(True, "cuda"), (False, "cpu")])
def test_auto_is_cuda_where_there_is_a_device(there: bool, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert network_device("auto") == torch.device(found)
    assert network_device("cpu") == torch.device("cpu")
    assert network_device(torch.device("cuda:1")) == torch.device("cuda:1"), "as it is"


@pytest.mark.parametrize("word", ["tpu", "cuda:1", None])
def test_other_words_are_refused(word: Any) -> None:
    with pytest.raises(ValueError, match=r"device must be auto, cpu, cuda or a torch\.device, got"):
        network_device(word)


@pytest.mark.parametrize("take", TAKERS, ids=lambda take: take.__qualname__)
def test_all_take_it_by_name_and_find_out_by_themselves(take: Callable[..., Any]) -> None:
    device = inspect.signature(take).parameters["device"]
    assert (device.kind, device.default) == (device.KEYWORD_ONLY, "auto")


def test_cuda_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for make in (SmallInpainter, dfc_completer):
        with pytest.raises(InputError, match="device is cuda, but torch finds no CUDA device"):
            make(device="cuda")
    assert next(SmallInpainter()._network.parameters()).device == torch.device("cpu")
    there = SmallInpainter(device=torch.device("meta"))
    assert next(there._network.parameters()).device == torch.device("meta"), "a torch.device is taken as it is"
