"""The pages of the installed parts."""

from __future__ import annotations

import importlib.util
from importlib import metadata
from typing import TYPE_CHECKING

from maskreel.common.cli._main import find_module
from maskreel.common.errors import InputError

if TYPE_CHECKING:
    from maskreel.common.web._describe import WebPage

GROUP = "maskreel.pages"


def installed_pages() -> dict[str, WebPage]:
    """By name; those with most steps first, so that the page opens with what there is most to see of.

    Raises:
        InputError: No installed part has a page.
    """
    pages = {entry.name: _page(entry) for entry in metadata.entry_points(group=GROUP)}
    if not pages:
        raise InputError("no part that has a page is installed; run: python -m pip install maskreel-inpaint")
    return dict(sorted(pages.items(), key=lambda item: (-len(item[1].steps), item[0])))


def _page(entry: metadata.EntryPoint) -> WebPage:
    """From its module alone: the package around that would bring torch, which the server has no use for."""
    spec = find_module(entry.module)
    if spec is None or spec.loader is None:
        raise InputError(f"the page '{entry.name}' has no module {entry.module}; install its part anew")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, entry.attr)()
