"""The parts of the demo: each made whole from tiny input, and what they read out of the records of commands."""

from __future__ import annotations

import html
import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import pytest
import torch
from demo import animate, command, films, inversion, vfp
from demo.story import Story, load

if TYPE_CHECKING:
    from demo.workshop import Workshop


def test_people_vanish_and_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = ["--quick", "--only", "inpaint", "--out", str(tmp_path / "demo")]
    assert command.main(words) == 0
    story = load(tmp_path / "demo/inpaint")
    assert story is not None
    assert [row[0] for row in story.figures[0].rows] == [
        "ours",
        "Telea (2004), each frame from itself alone",
        "left as it was",
    ]
    ours, telea, untouched = (float(row[1] or 0) for row in story.figures[0].rows)
    assert ours > telea + 5 > untouched + 10
    assert "against the truth that it was rendered from" in story.figures[0].about
    assert story.commands == ["maskreel inpaint run lecture.mkv -o clean.mp4 --plates --keep-stages masks"]
    for name in story.rows[0].files:
        with av.open(tmp_path / "demo/inpaint" / name) as film:
            assert film.streams.video[0].codec_context.pix_fmt == "yuv420p"  # what browsers play
    capsys.readouterr()
    made = (tmp_path / "demo/inpaint/result.mp4").stat().st_mtime_ns
    assert command.main(words) == 0
    assert "  there already\n" in capsys.readouterr().err
    assert (tmp_path / "demo/inpaint/result.mp4").stat().st_mtime_ns == made


SHOWN = {
    "animate": (["still.png", "driving.mp4", "masks.mp4", "result.mp4", "exact.mp4"], "ours", "the source as it is"),
    "vfp": (
        ["seen_0.mp4", "found_0.mp4", "forecast_0.png", "errors_0.png"],
        "best: the two that follow, together",
        "the mask of frame 11, copied",
    ),
    "inversion": (["masks.mp4", "result.mp4", "real.mp4"], "made from masks", "noise"),
}
"""What the page shows of a part, and the first and the last line of its figures."""


@pytest.mark.parametrize("part", SHOWN)
def test_the_part_is_made_with_the_commands_that_it_tells(part: str, tmp_path: Path) -> None:
    """At a size at which results are poor, so only what the networks need no time for is compared."""
    files, first, last = SHOWN[part]
    assert command.main(["--quick", "--only", part, "--out", str(tmp_path)]) == 0
    story = load(tmp_path / part)
    assert story is not None
    assert [name for row in story.rows for name in row.files] == files
    for name in files:
        with av.open(tmp_path / part / name) as film:
            assert sum(1 for _ in film.decode(video=0)) >= (2 if name.endswith(".mp4") else 1), name
    rows = story.figures[0].rows
    assert (rows[0][0], rows[-1][0]) == (first, last)
    assert all(0 <= float(row[1]) <= 1 for row in rows if isinstance(row[1], float))
    made = [words.split() for words in story.commands]
    assert all(words[0] == "maskreel" and words[1] in (part, "world") for words in made)
    assert all((tmp_path / part / link).exists() for link in story.links)
    page = (tmp_path / "index.html").read_text()
    assert all(html.escape(words) in page for words in story.commands)


def test_the_page_has_all_parts_that_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file of the demo that can make a part is one of the page, in the order in which they are made."""
    made = []

    class StandIn:
        def __init__(self, name: str) -> None:
            self.name = name

        def make(self, place: Workshop, *_: Any, **__: Any) -> Story:
            place.folder.mkdir(parents=True, exist_ok=True)
            made.append(self.name)
            return Story(f"Part {self.name}", "", [], [], [], "", {}, (1.0, 1.0), "")

    modules = [path.stem for path in Path(command.__file__).parent.glob("*.py") if "\ndef make(" in path.read_text()]
    assert sorted(modules) == sorted(command.PARTS)
    monkeypatch.setattr(command, "import_module", lambda name: StandIn(name.removeprefix("demo.")))
    assert command.main(["--quick", "--out", str(tmp_path)]) == 0
    assert made == list(command.PARTS)
    headings = re.findall(r"<h2>(.*?)</h2>", (tmp_path / "index.html").read_text())
    assert headings == [f"Part {name}" for name in command.PARTS]


def test_films_have_even_sides_and_keep_their_shape(tmp_path: Path):
    frames = torch.zeros(3, 3, 33, 50, dtype=torch.uint8)
    frames[:, :, :, 25:] = 200
    wide = films.enlarged(frames, width=100)
    assert wide.shape == (3, 3, 66, 100)
    assert wide[0, 0, 30, 20] == 0
    assert wide[0, 0, 30, 80] == 200
    assert films.enlarged(frames[0], width=24).shape == (3, 16, 24)
    films.save_film(tmp_path / "film.mp4", frames, Fraction(5))
    with av.open(tmp_path / "film.mp4") as film:
        assert (film.streams.video[0].width, film.streams.video[0].height) == (480, 316)
        assert film.streams.video[0].average_rate == 5


def test_masks_become_white_on_black():
    masks = torch.tensor([[[0.0, 0.5, 1.0]]])
    assert films.white_on_black(masks)[0, :, 0].tolist() == [[0, 128, 255]] * 3


def test_the_judge_of_inverted_frames():
    def row(pictures: str, right: str, j: str) -> dict[str, Any]:
        return {"pictures": pictures, "n objects": 12, "right class": right, "J": j}

    scores = [row("noise", "0.000", "0.000"), row("inverted", "0.750", "0.613"), row("real frames", "1.000", "0.930")]
    report = {
        "notes": [],
        "scores by U-Net x": [*scores, row("silhouette", "0.250", "0.101"), row("masks swapped", "0", "0")],
    }
    figures, summary = inversion._measured(report)
    assert figures.rows[0] == ["made from masks", 0.75, 0.613]
    assert [line[0] for line in figures.rows[1:]] == ["real frames", "flat silhouettes of the masks", "noise"]
    assert summary == "a judge finds the right class in 75% of the objects; in silhouettes 25%"
    assert figures.about.startswith("12 objects: ")


def test_forecasts_beside_the_copied_mask():
    names = ["frames", "best", "copy-last", "masks", "objects", "perfect on seen objects"]
    standings = [
        {"name": name, "score": {"iou": 0.1 * n, "interval": [0.1 * n - 0.05, 0.1 * n + 0.05]}}
        for n, name in enumerate(names, 1)
    ]
    figures, summary = vfp._measured({"standings": standings}, 6)
    assert [line[1:] for line in figures.rows[:2]] == [[0.2, "0.15 to 0.25"], [0.5, "0.45 to 0.55"]]
    assert figures.rows[-1] == ["the mask of frame 11, copied", 0.3, "0.25 to 0.35"]
    assert summary == "IoU 0.20; the last mask, copied, 0.30"


def test_animation_beside_the_source_as_it_is():
    columns = ("l1", "l1_foreground", "l1_background")
    scores = {
        method: {column: {"mean": n / 100 + place / 1000} for place, column in enumerate(columns)}
        for n, method in enumerate(("copy", "paste", "raw", "refined", "composite"), 1)
    }
    figures, summary = animate._measured({"scores": {"animation": scores}}, 8)
    assert figures.rows[0] == ["ours", 0.04, 0.041, 0.042]
    assert figures.rows[-1] == ["the source as it is", 0.01, 0.011, 0.012]
    assert summary == "mean difference from the exact result 0.040; of the source as it is 0.010"


def test_objects_have_the_colours_of_their_classes():
    labels = torch.zeros(2, 8, 8, dtype=torch.uint8)
    labels[1, 2:6, 2:6] = 5
    first, second = vfp.drawn(labels)
    assert first.unique().tolist() == [vfp.DARK]
    assert (second != vfp.DARK).any(0)[3, 3]
    assert not (second != vfp.DARK).any(0)[0, 0]
