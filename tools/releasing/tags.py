"""Tags of releases: `inpaint-v0.2.0`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from releasing.errors import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Collection

TAG = re.compile(r"([a-z][a-z0-9_]*)-v((?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2})")


def tag_of(package: str, version: str) -> str:
    """The tag of a release."""
    return f"{package}-v{version}"


def read_tag(tag: str, packages: Collection[str]) -> tuple[str, str]:
    """Package and version of a tag.

    Raises:
        ReleaseError: if it is not the tag of one of `packages`.
    """
    match = TAG.fullmatch(tag)
    if match is None:
        raise ReleaseError(f"{tag!r} is not the tag of a release; those look like 'inpaint-v0.2.0'")
    if match[1] not in packages:
        raise ReleaseError(f"{tag!r} names no package of this tree: there are {', '.join(sorted(packages))}")
    return match[1], match[2]
