"""Overlays, contact sheets, heat maps, image and animation files, report pages."""

from __future__ import annotations

import base64
import io
import re
from fractions import Fraction
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from maskreel.common.show import (
    PALETTE,
    Page,
    contact_sheet,
    heatmap,
    overlay,
    save_animation,
    save_image,
    side_by_side,
)
from maskreel.common.video import Clip

if TYPE_CHECKING:
    from pathlib import Path


def photo(height: int = 48, width: int = 64) -> torch.Tensor:
    """A smooth uint8 (3, H, W) image."""
    y, x = torch.meshgrid(torch.linspace(0, 255, height), torch.linspace(0, 255, width), indexing="ij")
    return torch.stack([x, y, (x + y) / 2]).round().to(torch.uint8)


def plain(value: int, height: int = 10, width: int = 20) -> torch.Tensor:
    return torch.full((3, height, width), value, dtype=torch.uint8)


def square(size: int = 20) -> torch.Tensor:
    """bool (size, size): rows and columns 5 to 14 of an object."""
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[5:15, 5:15] = True
    return mask


def test_overlay_tints_inside_outlines_the_edge_and_keeps_the_rest() -> None:
    frame = plain(100, 20, 20)
    result = overlay(frame, square(), alpha=0.25, palette=[(200, 0, 60)])
    inner, ring = torch.zeros(20, 20, dtype=torch.bool), square()
    inner[6:14, 6:14] = True
    ring &= ~inner
    assert torch.equal(result[:, ~square()], frame[:, ~square()])
    assert set(map(tuple, result[:, inner].T.tolist())) == {(125, 75, 90)}
    assert set(map(tuple, result[:, ring].T.tolist())) == {(200, 0, 60)}
    assert torch.equal(frame, plain(100, 20, 20))


def test_the_border_of_the_frame_is_no_edge() -> None:
    result = overlay(plain(0, 6, 6), torch.ones(6, 6, dtype=torch.bool), alpha=0.5, palette=[(100, 100, 100)])
    assert torch.equal(result, plain(50, 6, 6))


def test_objects_take_the_colours_in_turn_and_the_last_lies_on_top() -> None:
    masks = torch.zeros(2, 3, 9, 9, dtype=torch.bool)
    masks[0, 0, :, :3], masks[0, 1, :, 3:6], masks[0, 2, :, 5:] = True, True, True
    frames = torch.stack([plain(0, 9, 9)] * 2)
    result = overlay(frames, masks, alpha=1, palette=[(1, 1, 1), (2, 2, 2)])
    assert result[0, 0, 4].tolist() == [1, 1, 1, 2, 2, 1, 1, 1, 1]
    assert result[1].max() == 0
    assert torch.equal(overlay(frames[0], masks[0], alpha=1, palette=[(1, 1, 1), (2, 2, 2)]), result[0])
    assert torch.equal(overlay(frames, masks[:, 1]), overlay(frames, masks[:, 1:2]))


@pytest.mark.parametrize(
    ("frames", "masks", "options", "error", "message"),
    [
        (torch.zeros(3, 4, 4), torch.zeros(4, 4, dtype=torch.bool), {}, TypeError, "frames must be uint8"),
        (plain(0, 4, 4), torch.zeros(4, 4), {}, TypeError, "masks bool"),
        (plain(0, 4, 4)[:2], torch.zeros(4, 4, dtype=torch.bool), {}, ValueError, "frames must have shape"),
        (plain(0, 4, 4), torch.zeros(4, 5, dtype=torch.bool), {}, ValueError, r"masks must have shape \(4, 4\), or"),
        (plain(0, 4, 4)[None], torch.zeros(2, 4, 4, dtype=torch.bool), {}, ValueError, r"\(1, 4, 4\), or .*'N'"),
        (plain(0, 4, 4), torch.zeros(4, 4, dtype=torch.bool), {"alpha": 1.5}, ValueError, "alpha must lie in"),
        (plain(0, 4, 4), torch.zeros(4, 4, dtype=torch.bool), {"palette": []}, ValueError, "palette must hold"),
    ],
)
def test_overlay_refuses(
    frames: torch.Tensor, masks: torch.Tensor, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        overlay(frames, masks, **options)


def test_the_palette_tells_neighbours_apart() -> None:
    colours = torch.tensor(PALETTE).float()
    distances = torch.cdist(colours, colours) + 1000 * torch.eye(len(PALETTE))
    assert distances.min() > 60


def test_heatmap_runs_from_dark_to_bright_between_the_limits() -> None:
    ramp = heatmap(torch.linspace(0, 1, 256)[None]).float()
    luminance = (torch.tensor([0.2126, 0.7152, 0.0722])[:, None] * ramp[:, 0]).sum(0)
    assert (luminance.diff() > -0.5).all()
    assert luminance[-1] - luminance[0] > 150
    assert ramp[2, 0, 0] > ramp[0, 0, 0] * 0.9  # violet, not the brown of swapped channels
    assert ramp[0, 0, -1] > 200 > 60 > ramp[2, 0, -1]
    values = torch.tensor([[-5.0, 0.0, 5.0, 10.0, 99.0]])
    shown = heatmap(values, limits=(0, 10))
    assert torch.equal(shown[:, :, 0], shown[:, :, 1])
    assert torch.equal(shown[:, :, 3], shown[:, :, 4])
    assert torch.equal(shown[:, 0, 2], heatmap(torch.tensor([[0.0, 0.5, 1.0]]))[:, 0, 1])


def test_heatmap_shows_unknown_values_grey() -> None:
    shown = heatmap(torch.tensor([[0.0, float("nan"), float("inf"), 1.0]]))
    assert shown[:, 0, 1].tolist() == shown[:, 0, 2].tolist() == [128, 128, 128]
    assert torch.equal(shown[:, 0, [0, 3]], heatmap(torch.tensor([[0.0, 1.0]]))[:, 0])
    assert heatmap(torch.full((2, 2), float("nan"))).unique().tolist() == [128]
    assert heatmap(torch.full((2, 2), 7.0)).shape == (3, 2, 2)


def test_heatmap_refuses() -> None:
    with pytest.raises(ValueError, match=r"values must have shape \(H, W\), got \(3,\)"):
        heatmap(torch.zeros(3))
    with pytest.raises(ValueError, match=r"low < high, got \(1, 1\)"):
        heatmap(torch.zeros(2, 2), limits=(1, 1))


def test_contact_sheet_places_images_in_rows() -> None:
    sheet = contact_sheet([plain(1), plain(2), plain(3, 6, 10)], columns=2, gap=4)
    assert sheet.shape == (3, 2 * 10 + 3 * 4, 2 * 20 + 3 * 4)
    assert torch.equal(sheet[:, 4:14, 4:24], plain(1))
    assert torch.equal(sheet[:, 4:14, 28:48], plain(2))
    assert torch.equal(sheet[:, 18 + 2 : 18 + 8, 4 + 5 : 4 + 15], plain(3, 6, 10))
    assert int((sheet < 10).sum()) == 3 * (200 + 200 + 60)


def test_titles_stand_above_their_images_and_stay_inside() -> None:
    images = [plain(248, 40, 60)] * 2
    sheet = contact_sheet(images, columns=2, titles=["first", "a title much wider than its image"], gap=8)
    dark = (sheet < 150).all(0)
    rows, columns = dark.any(1).nonzero().flatten(), dark.any(0).nonzero().flatten()
    head = sheet.shape[1] - 40 - 2 * 8
    assert 8 <= rows.min() <= rows.max() < 8 + head
    assert set(columns.tolist()) <= {*range(8, 68), *range(76, 136)}
    assert dark[:, 8:68].any()
    assert dark[:, 120:136].any()
    assert torch.equal(sheet[:, 8 + head :, 8:68][:, :40], images[0])


def test_side_by_side_is_one_row() -> None:
    one, two = plain(1), plain(2)
    titles = ["before", "after"]
    assert torch.equal(side_by_side(one, two, titles=titles), contact_sheet([one, two], columns=2, titles=titles))


@pytest.mark.parametrize(
    ("images", "options", "error", "message"),
    [
        ([], {"columns": 1}, ValueError, "at least one image"),
        ([plain(1).float()], {"columns": 1}, TypeError, r"images\[0\] must be a torch.uint8 tensor, got torch.float32"),
        ([plain(1), plain(1)[0]], {"columns": 1}, ValueError, r"images\[1\] must have shape \(3, H, W\)"),
        ([plain(1)], {"columns": 0}, ValueError, "columns must be 1 or more"),
        ([plain(1)], {"columns": 1, "gap": -1}, ValueError, "gap 0 or more"),
        ([plain(1)], {"columns": 1, "titles": ["a", "b"]}, ValueError, "titles must be as many as the 1 images, got 2"),
    ],
)
def test_contact_sheet_refuses(
    images: list[torch.Tensor], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        contact_sheet(images, **options)


def read(path: Path) -> torch.Tensor:
    with Image.open(path) as picture:
        return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)


@pytest.mark.parametrize(("name", "largest_error"), [("x.png", 0), ("x.jpg", 6), ("x.JPEG", 6), ("x.webp", 12)])
def test_save_image_keeps_the_picture(tmp_path: Path, name: str, largest_error: int) -> None:
    save_image(tmp_path / name, photo())
    assert (read(tmp_path / name).int() - photo().int()).abs().max() <= largest_error
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_save_image_refuses(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"path must end in one of \.png, .*, got .*x\.bmp"):
        save_image(tmp_path / "x.bmp", photo())
    with pytest.raises(TypeError, match=r"image must be a torch\.uint8 tensor"):
        save_image(tmp_path / "x.png", photo().float())
    assert list(tmp_path.iterdir()) == []


def moving(count: int, fps: Fraction) -> Clip:
    return Clip(torch.stack([photo().roll(2 * index, -1) for index in range(count)]), fps)


def frames_of(path: Path) -> tuple[list[torch.Tensor], list[int], int | None]:
    """Frames, how long each stays in milliseconds, and the number of repetitions (0 is endless)."""
    frames, delays = [], []
    with Image.open(path) as picture:
        for index in range(getattr(picture, "n_frames", 1)):
            picture.seek(index)
            picture.load()
            frames.append(torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1))
            delays.append(round(picture.info["duration"]))
        return frames, delays, picture.info.get("loop")


@pytest.mark.parametrize(("name", "mean_error"), [("x.gif", 8), ("x.webp", 4)])
def test_an_animation_has_the_frames_and_the_speed_of_the_clip(tmp_path: Path, name: str, mean_error: float) -> None:
    clip = moving(12, Fraction(30000, 1001))
    save_animation(tmp_path / name, clip)
    frames, delays, loop = frames_of(tmp_path / name)
    assert len(frames) == 12
    assert loop == 0
    assert sum(delays) == pytest.approx(12 * 1001 / 30, abs=5)
    assert max(delays) - min(delays) <= 10
    for frame, expected in zip(frames, clip.frames, strict=True):
        assert (frame.float() - expected.float()).abs().mean() < mean_error


def test_a_fast_gif_drops_frames_and_keeps_its_length(tmp_path: Path) -> None:
    save_animation(tmp_path / "x.gif", moving(24, Fraction(120)))
    frames, delays, _ = frames_of(tmp_path / "x.gif")
    assert min(delays) >= 20
    assert sum(delays) == 200
    assert len(frames) <= 10


def test_a_varying_rate_is_shown_as_it_was(tmp_path: Path) -> None:
    times = (Fraction(1), Fraction(11, 10), Fraction(3, 2))
    save_animation(tmp_path / "x.webp", Clip(moving(3, Fraction(10)).frames, Fraction(10), Fraction(1), times))
    assert frames_of(tmp_path / "x.webp")[1] == [100, 400, 100]


def test_max_width_scales_down_only(tmp_path: Path) -> None:
    clip = moving(2, Fraction(10))
    save_animation(tmp_path / "small.gif", clip, max_width=32)
    save_animation(tmp_path / "same.gif", clip, max_width=1000)
    assert frames_of(tmp_path / "small.gif")[0][0].shape == (3, 24, 32)
    assert frames_of(tmp_path / "same.gif")[0][0].shape == (3, 48, 64)


def test_save_animation_refuses(tmp_path: Path) -> None:
    clip = moving(2, Fraction(10))
    with pytest.raises(ValueError, match=r"path must end in \.gif or \.webp"):
        save_animation(tmp_path / "x.mp4", clip)
    with pytest.raises(ValueError, match="at least one frame"):
        save_animation(tmp_path / "x.gif", clip[:0])
    with pytest.raises(ValueError, match="max_width must be 1 or more, got 0"):
        save_animation(tmp_path / "x.gif", clip, max_width=0)


class Reader(HTMLParser):
    """Collects tags with attributes, and the text; fails on tags that do not close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1] != "style":
            self.words.append(data.strip())

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def embedded(source: str | None) -> tuple[str, bytes]:
    match = re.fullmatch(r"data:([a-z/0-9]+);base64,(.*)", source or "")
    assert match is not None
    return match[1], base64.b64decode(match[2])


def test_a_page_is_one_file_in_the_order_of_its_parts(tmp_path: Path) -> None:
    save_image(tmp_path / "file.webp", photo())
    page = Page("Result <1>")
    page.text("One & two.\n\n<script>alert(1)</script>")
    page.heading("Pictures")
    page.image(photo(), 'A "drawing"')
    page.images_row([tmp_path / "file.webp", plain(7)], ["before", "after"])
    page.heading("More", level=3)
    page.save(tmp_path / "page.html")
    (tmp_path / "file.webp").unlink()

    reader = Reader((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert reader.words == [
        *["Result <1>", "Result <1>", "One & two.", "<script>alert(1)</script>"],
        *["Pictures", 'A "drawing"', "before", "after", "More"],
    ]
    assert not reader.attributes("script")
    images = [embedded(attributes["src"]) for attributes in reader.attributes("img")]
    assert [Image.open(io.BytesIO(data)).size for _, data in images] == [(64, 48), (64, 48), (20, 10)]
    assert images[1][0] == "image/webp"
    assert reader.attributes("img")[0]["alt"] == 'A "drawing"'


def test_drawings_stay_exact_and_photographs_are_compressed(tmp_path: Path) -> None:
    noise = torch.randint(0, 256, (3, 64, 64), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    page = Page("x")
    page.image(plain(200, 64, 64))
    page.image(noise)
    page.save(tmp_path / "x.html")
    kinds = [embedded(image["src"])[0] for image in Reader((tmp_path / "x.html").read_text()).attributes("img")]
    assert kinds == ["image/png", "image/jpeg"]


def test_tables_align_numbers_under_a_header_only(tmp_path: Path) -> None:
    page = Page("x")
    page.table([["flow", 33.45678, None], ["auto", 38.0, 12]], header=["Method", "PSNR", "fps"])
    page.table([["Frames", 795], ["Mode", "static"]])
    page.table([], header=["Nothing"])
    page.save(tmp_path / "x.html")
    reader = Reader((tmp_path / "x.html").read_text(encoding="utf-8"))
    words = ["Method", "PSNR", "fps", "flow", "33.46", "–", "auto", "38", "12", "Frames", "795", "Mode", "static"]
    assert reader.words[2:] == [*words, "Nothing"]
    assert [cell.get("class") for cell in reader.attributes("td")] == ["number"] * 4 + [None] * 2


def test_videos_are_embedded_while_small_and_linked_when_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskreel.common.show._page.EMBEDDED_VIDEO_BYTES", 5)
    (tmp_path / "out").mkdir()
    (tmp_path / "small.mp4").write_bytes(b"12345")
    (tmp_path / "large one.webm").write_bytes(b"123456")
    page = Page("x")
    page.video(tmp_path / "small.mp4", "small")
    page.video(tmp_path / "large one.webm")
    page.save(tmp_path / "out" / "x.html")
    small, large = Reader((tmp_path / "out" / "x.html").read_text()).attributes("video")
    assert embedded(small["src"]) == ("video/mp4", b"12345")
    assert large["src"] == "../large%20one.webm"


def test_videos_beside_images_play_by_themselves(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"12345")
    save_image(tmp_path / "still.png", plain(9))
    page = Page("x")
    page.media_row([tmp_path / "film.mp4", tmp_path / "still.png", photo()], ["moves", "stands", ""])
    page.media_row([tmp_path / "film.mp4"])
    page.save(tmp_path / "x.html")
    reader = Reader((tmp_path / "x.html").read_text())
    first, second = reader.attributes("video")
    assert first.keys() == {"src", "autoplay", "loop", "muted", "playsinline"}
    assert embedded(first["src"]) == embedded(second["src"]) == ("video/mp4", b"12345")
    assert [one["alt"] for one in reader.attributes("img")] == ["stands", ""]
    assert reader.words[2:4] == ["moves", "stands"]
    assert "timeupdate" in reader.words[4], "the videos of a row keep in step"


def test_code_is_kept_and_links_are_relative(tmp_path: Path) -> None:
    page = Page("x")
    page.code("a < b\n  c")
    page.links({"report & more": tmp_path / "part one/report.html", "folder": tmp_path / "out"})
    page.save(tmp_path / "out" / "x.html")
    text = (tmp_path / "out" / "x.html").read_text()
    assert "<pre>a &lt; b\n  c</pre>" in text
    assert [one["href"] for one in Reader(text).attributes("a")] == ["../part%20one/report.html", "."]


def test_page_refuses(tmp_path: Path) -> None:
    page = Page("x")
    with pytest.raises(ValueError, match="level must be 2 or 3"):
        page.heading("x", level=1)
    with pytest.raises(ValueError, match=r"one length, got lengths \[1, 2\]"):
        page.table([["a", 1]], header=["a"])
    with pytest.raises(ValueError, match="at least one row"):
        page.table([])
    with pytest.raises(ValueError, match="captions must be as many as the 1 images, got 2"):
        page.images_row([photo()], ["a", "b"])
    with pytest.raises(ValueError, match="captions must be as many as the 1 media, got 0"):
        page.media_row([photo()], [])
    with pytest.raises(ValueError, match=r"path must end in one of \.mp4, \.webm, got"):
        page.media_row(["x.avi"])
    with pytest.raises(ValueError, match=r"image must be a tensor or end in one of .*, got x\.bmp"):
        page.image("x.bmp")
    with pytest.raises(ValueError, match=r"path must end in one of \.mp4, \.webm, got"):
        page.video("x.avi")
    with pytest.raises(TypeError, match="uint8"):
        page.image(photo().float())
    page.video(tmp_path / "gone.mp4")
    with pytest.raises(FileNotFoundError):
        page.save(tmp_path / "x.html")
    assert list(tmp_path.iterdir()) == []
