"""The parts of a Markdown document that can be checked: fenced blocks, links, headings."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Block", "anchors", "blocks", "commands", "documents", "links"]

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)|<img[^>]*\ssrc=\"(?P<source>[^\"]+)\"")


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    language: str
    text: str
    line: int
    """Line of the document at which it begins."""


def documents() -> list[Path]:
    """Every document with commands or snippets for users and contributors."""
    places = ("README.md", "CONTRIBUTING.md", "docs/*.md", "packages/*/README.md", "packages/*/benchmarks/README.md")
    return sorted(path for place in places for path in ROOT.glob(place))


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a document, from top to bottom."""
    return [
        Block(found["language"], found["text"], text.count("\n", 0, found.start()) + 1)
        for found in _FENCE.finditer(text)
    ]


def commands(block: str) -> list[list[str]]:
    """The words of every command in a block of shell lines; `\\` joins lines, `&&` parts them, `#` begins a comment."""
    result: list[list[str]] = []
    for line in re.sub(r"\\\n\s*", " ", block).splitlines():
        words: list[str] = []
        for word in [*shlex.split(line, comments=True), "&&"]:
            if word != "&&":
                words.append(word)
            elif words:
                result.append(words)
                words = []
    return result


def links(text: str) -> list[str]:
    """Targets of links and pictures, outside fenced blocks."""
    return [found["target"] or found["source"] for found in _LINK.finditer(_FENCE.sub("", text))]


def anchors(text: str) -> set[str]:
    """The names by which GitHub links to the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
