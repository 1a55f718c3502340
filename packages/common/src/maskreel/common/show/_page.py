"""HTML pages that are one file: headings, text, tables, pictures and videos in the order they are added."""

from __future__ import annotations

import base64
import io
import os
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import torch

from maskreel.common.atomic import atomic_path
from maskreel.common.show._save import to_pillow
from maskreel.common.show._style import STYLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Picture = torch.Tensor | str | os.PathLike[str]
    Cell = str | int | float | None

__all__ = ["Page"]

IMAGE_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
}
VIDEO_TYPES = {".mp4": "video/mp4", ".webm": "video/webm"}
EMBEDDED_VIDEO_BYTES = 4_000_000
FILMS = '<div class="films">'
IN_STEP = """
for (const row of document.querySelectorAll(".films")) {
  const [first, ...others] = row.querySelectorAll("video");
  first?.addEventListener("timeupdate", () => {
    for (const other of others) {
      const wanted = first.currentTime % other.duration;
      if (Math.abs(other.currentTime - wanted) > 0.2) other.currentTime = wanted;
    }
  });
}
""".strip()
"""Browsers start and rest each video as it comes to sight and leaves it; those of a row should show the same moment."""


class Page:
    """A report page. Add its parts from top to bottom, then `save` it.

    Images are inside the file; so are videos up to 4 MB, larger ones are linked relative to the page. All text is
    escaped.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._parts: list[Callable[[Path], str]] = []
        """Each gives its HTML when it is told the folder of the page."""

    def heading(self, text: str, *, level: int = 2) -> None:
        """A heading of level 2 (a section) or 3."""
        if level not in (2, 3):
            raise ValueError(f"level must be 2 or 3, because the title is level 1; got {level}")
        self._add(f"<h{level}>{escape(text)}</h{level}>")

    def text(self, text: str) -> None:
        """Paragraphs, divided by blank lines."""
        self._add("\n".join(f"<p>{escape(part.strip())}</p>" for part in text.split("\n\n") if part.strip()))

    def table(self, rows: Sequence[Sequence[Cell]], *, header: Sequence[str] | None = None) -> None:
        """A table; the first cell of a row is its name, and None is a dash.

        Under a header, columns of numbers stand to the right. Floats are shown with four digits; pass a string for
        more, fewer or a unit.

        Raises:
            ValueError: There is neither a row nor a header, or they are not all of one length.
        """
        if not rows and not header:
            raise ValueError("rows must hold at least one row, or header the column names")
        lengths = {len(row) for row in (*rows, *([header] if header else []))}
        if len(lengths) > 1:
            raise ValueError(f"rows and header must be of one length, got lengths {sorted(lengths)}")
        self._add(f'<div class="table"><table>{_table(rows, header)}</table></div>')

    def image(self, image: Picture, caption: str = "") -> None:
        """A uint8 (3, H, W) tensor, or an image file."""
        self._add(_figure(_image(image, caption), caption))

    def images_row(self, images: Sequence[Picture], captions: Sequence[str] | None = None) -> None:
        """Images of one size beside each other; on a narrow screen below each other.

        Raises:
            ValueError: There are more or fewer captions than images.
        """
        captions = [""] * len(images) if captions is None else captions
        if len(captions) != len(images):
            raise ValueError(f"captions must be as many as the {len(images)} images, got {len(captions)}")
        pairs = zip(images, captions, strict=True)
        self._add(_row_of(_figure(_image(image, text), text) for image, text in pairs))

    def video(self, path: str | os.PathLike[str], caption: str = "") -> None:
        """A video file that browsers play: .mp4 or .webm."""
        path = _checked_video(path)
        self._parts.append(lambda folder: _figure(_video(path, folder), caption))

    def media_row(self, media: Sequence[Picture], captions: Sequence[str] | None = None) -> None:
        """Short videos and images beside each other; the videos play by themselves, in step, silently, over and over.

        Raises:
            ValueError: There are more or fewer captions than media, or a file has another suffix.
        """
        captions = [""] * len(media) if captions is None else captions
        if len(captions) != len(media):
            raise ValueError(f"captions must be as many as the {len(media)} media, got {len(captions)}")
        cells = [_medium(one, text) for one, text in zip(media, captions, strict=True)]
        self._parts.append(lambda folder: _row_of((cell(folder) for cell in cells), opening=FILMS))

    def code(self, text: str) -> None:
        """Commands or code, line by line."""
        self._add(f"<pre>{escape(text)}</pre>")

    def links(self, targets: Mapping[str, str | os.PathLike[str]]) -> None:
        """A line of links: what each says, and the file it leads to, relative to the page."""
        self._parts.append(lambda folder: f"<p>{' · '.join(_link(t, Path(p), folder) for t, p in targets.items())}</p>")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page; the file appears only when it is whole."""
        folder = Path(path).resolve().parent
        body = "\n".join(part(folder) for part in self._parts)
        with atomic_path(path) as scratch:
            scratch.write_text(_document(self._title, body), encoding="utf-8")

    def _add(self, html: str) -> None:
        self._parts.append(lambda _: html)


def _document(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{STYLE}
</style>
</head>
<body>
<h1>{escape(title)}</h1>
{body}
{_script(body)}</body>
</html>
"""


def _script(body: str) -> str:
    return f"<script>\n{IN_STEP}\n</script>\n" if FILMS in body else ""


def _figure(content: str, caption: str) -> str:
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{content}{below}</figure>\n"


def _row_of(figures: Iterable[str], *, opening: str = '<div class="row">') -> str:
    return f"{opening}{''.join(figures)}</div>"


def _medium(medium: Picture, caption: str) -> Callable[[Path], str]:
    if isinstance(medium, torch.Tensor) or Path(medium).suffix.lower() in IMAGE_TYPES:
        image = _figure(_image(medium, caption), caption)
        return lambda _: image
    path = _checked_video(medium)
    return lambda folder: _figure(_video(path, folder, plays=True), caption)


def _link(text: str, path: Path, folder: Path) -> str:
    return f'<a href="{_relative_url(path.resolve(), folder)}">{escape(text)}</a>'


def _relative_url(path: Path, folder: Path) -> str:
    return quote(Path(os.path.relpath(path, folder)).as_posix())


def _table(rows: Sequence[Sequence[Cell]], header: Sequence[str] | None) -> str:
    styles = _styles(rows) if header and rows else [""] * len(header or rows[0])
    body = [f"<tr>{_row(row, styles)}</tr>" for row in rows]
    return "\n".join([_head(header, styles) if header else "", "<tbody>", *body, "</tbody>"])


def _head(header: Sequence[str], styles: Sequence[str]) -> str:
    cells = [f'<th scope="col"{style}>{escape(name)}</th>' for name, style in zip(header, styles, strict=True)]
    return f"<thead><tr>{''.join(cells)}</tr></thead>"


def _row(row: Sequence[Cell], styles: Sequence[str]) -> str:
    name, *values = zip(row, styles, strict=True)
    cells = [f"<td{style}>{escape(_shown(value))}</td>" for value, style in values]
    return f'<th scope="row">{escape(_shown(name[0]))}</th>{"".join(cells)}'


def _styles(rows: Sequence[Sequence[Cell]]) -> list[str]:
    """The class attribute of every column."""
    numeric = [i > 0 and any(map(_is_number, column)) for i, column in enumerate(zip(*rows, strict=True))]
    return [' class="number"' if right else "" for right in numeric]


def _shown(value: Cell) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _is_number(value: Cell) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _image(image: Picture, alt: str) -> str:
    if isinstance(image, torch.Tensor):
        kind, data = _encoded(image)
    else:
        path = Path(image)
        if path.suffix.lower() not in IMAGE_TYPES:
            raise ValueError(f"image must be a tensor or end in one of {', '.join(IMAGE_TYPES)}, got {path}")
        kind, data = IMAGE_TYPES[path.suffix.lower()], path.read_bytes()
    return f'<img src="{_data_url(kind, data)}" alt="{escape(alt)}">'


def _encoded(image: torch.Tensor) -> tuple[str, bytes]:
    """The smaller of PNG (drawings) and JPEG (photographs)."""
    picture = to_pillow(image)
    files = {"image/png": io.BytesIO(), "image/jpeg": io.BytesIO()}
    picture.save(files["image/png"], format="PNG")
    picture.save(files["image/jpeg"], format="JPEG", quality=90, subsampling=0)
    kind = min(files, key=lambda name: files[name].tell())
    return kind, files[kind].getvalue()


def _checked_video(path: str | os.PathLike[str]) -> Path:
    path = Path(path).resolve()
    if path.suffix.lower() not in VIDEO_TYPES:
        raise ValueError(f"path must end in one of {', '.join(VIDEO_TYPES)}, got {path}")
    return path


def _video(path: Path, folder: Path, *, plays: bool = False) -> str:
    if path.stat().st_size <= EMBEDDED_VIDEO_BYTES:
        source = _data_url(VIDEO_TYPES[path.suffix.lower()], path.read_bytes())
    else:
        source = _relative_url(path, folder)
    manner = "autoplay" if plays else 'controls preload="metadata"'
    return f'<video src="{source}" {manner} loop muted playsinline></video>'


def _data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
