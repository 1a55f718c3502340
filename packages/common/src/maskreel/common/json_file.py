"""Reading JSON that anyone may have written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskreel.common.errors import InputError

if TYPE_CHECKING:
    import os

__all__ = ["parse_json", "read_json"]


def read_json(path: str | os.PathLike[str]) -> Any:
    """The value in a JSON file.

    Raises:
        InputError: There is no such file, or it is not JSON, nested too deep, or has a number of thousands of digits.
        OSError: It cannot be read.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    return parse_json(data, source=path)


def parse_json(text: str | bytes, *, source: str | os.PathLike[str]) -> Any:
    """The value in a JSON text; errors name `source`.

    Raises:
        InputError: As `read_json` does.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise InputError(f"{source} cannot be read as JSON: it is nested too deep") from None
    except ValueError as error:  # also of text that is not UTF-8
        raise InputError(f"{source} cannot be read as JSON: {error}") from error
