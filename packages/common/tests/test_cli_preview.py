"""Seconds as people write them."""

from __future__ import annotations

import pytest

from maskreel.common.cli import preview_seconds
from maskreel.common.errors import InputError


@pytest.mark.parametrize(("text", "seconds"), [("5s", 5), ("2.5 s", 2.5), ("0.3", 0.3), (None, None)])
def test_seconds(text: str | None, seconds: float | None) -> None:
    assert preview_seconds(text) == seconds


@pytest.mark.parametrize("text", ["0", "0.0s", "-1s", "5 min", "s", "", "1e3", "nan"])
def test_nothing_else(text: str) -> None:
    with pytest.raises(InputError, match=r"--preview .*: write a number of seconds above 0, for example 5s"):
        preview_seconds(text)
