"""`chosen_device`, with and without a CUDA device."""

from __future__ import annotations

import pytest
import torch

from maskreel.common.device import chosen_device
from maskreel.common.errors import InputError


@pytest.fixture(params=[False, True])
def available(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: request.param)
    return request.param


def test_auto_takes_cuda_where_it_is(available: bool) -> None:
    assert chosen_device("auto") == ("cuda" if available else "cpu")


def test_cpu_is_never_an_error(available: bool) -> None:
    assert chosen_device("cpu") == "cpu"


def test_cuda_is_refused_where_it_is_not(available: bool) -> None:
    if available:
        assert chosen_device("cuda") == "cuda"
        return
    with pytest.raises(InputError, match="device is cuda, but torch finds no CUDA device; leave it out or say cpu"):
        chosen_device("cuda")
