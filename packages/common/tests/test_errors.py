"""What is not installed is told, before the work."""

from __future__ import annotations

import sys

import pytest

from maskreel.common.errors import MissingExtraError, require_extra


def test_the_first_library_that_is_not_there_is_named_with_what_brings_it() -> None:
    message = r"^no_such_library is not installed; run: python -m pip install 'maskreel-toy\[play\]'$"
    with pytest.raises(MissingExtraError, match=message):
        require_extra("maskreel-toy[play]", "json", "no_such_library", "nor_this_one")


def test_what_is_there_is_not_imported() -> None:
    sys.modules.pop("antigravity", None)  # a module of Python that nothing else imports
    require_extra("maskreel-toy[play]", "antigravity")
    assert "antigravity" not in sys.modules
