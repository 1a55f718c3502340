"""The text of TorchScript, searched before PyTorch reads it."""

from __future__ import annotations

import re

__all__ = ["check_nesting", "reaches_out"]

_DEEPEST = 100
"""Brackets in brackets, and blocks in blocks."""
_LONGEST = 500
"""Operators between two commas: PyTorch descends into each."""
_BETWEEN = r"(?:\s|\\|\#[^\n]*\n)*"
_FILES = r"(from_file|save|load|open|read_file|write_file|_?load_library)\b"
# torch.from_file, ops.aten.save, ops.image.read_file: called, or given another name first
_ON_FILES = re.compile(rf"\.{_BETWEEN}{_FILES}|\b{_FILES}{_BETWEEN}\(")
_TOKEN = re.compile(
    r"""(?P<left>[\[({])|(?P<right>[\])}])|(?P<comma>,)|(?P<line>\n(?P<indent>[ \t]*))|"""
    r"""(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\#[^\n]*)|"""
    r"""(?P<operator>[-+*/%@~&|^<>=!.:]+|\b(?:not|and|or|if|else|elif|in|is|lambda)\b)"""
)


def reaches_out(text: str) -> str | None:
    """The operator in a script that reads or writes files, as it stands there; None if there is none."""
    found = _ON_FILES.search(text)
    return None if found is None else found[1] or found[2]


def check_nesting(text: str) -> None:
    """Look whether a script, or the name of a type, can be read without descending too deep.

    Raises:
        ValueError: it cannot.
    """
    _require(text.count("elif") <= _LONGEST, "branches")  # PyTorch writes none
    operators = [0]  # and brackets since the last comma, for each bracket that is open
    for token in _TOKEN.finditer(text):
        match token.lastgroup:
            case "left":
                operators[-1] += 1
                operators.append(0)
            case "right":
                operators = operators[:-1] or [0]
            case "comma":
                operators[-1] = 0
            case "operator":
                operators[-1] += len(token[0])
            case "line" if len(operators) == 1:
                operators[0] = 0
                _require(len(token["indent"]) <= 2 * _DEEPEST, "blocks")
        _require(len(operators) <= _DEEPEST, "brackets")
        _require(operators[-1] <= _LONGEST, "operators")


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"too many {what} in each other")
