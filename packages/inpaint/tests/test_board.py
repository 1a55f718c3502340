"""The board's states: of a slide show with known states, of a lecture with known times of writing; and their pages."""

from __future__ import annotations

import io
import json
import re
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from PIL import Image

from maskreel.common.errors import InputError
from maskreel.common.video import Clip, write, write_frames
from maskreel.common.world import LectureScene
from maskreel.inpaint.board.pages import write_pages
from maskreel.inpaint.board.states import BoardState, find_states

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE, FPS = (120, 160), Fraction(4)


def slide(name: str, lines: int) -> np.ndarray:
    """A title and some lines of print on white."""
    image = np.full((*SIZE, 3), 245, np.uint8)
    rng = np.random.default_rng(ord(name))
    for row in range(lines + 1):
        text = "".join(chr(97 + int(c)) for c in rng.integers(0, 26, 12))
        colour = (20, 20, 150) if row == 0 else (30, 30, 30)
        cv2.putText(image, text, (8, 16 + 20 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
    return image


def film(t: int) -> np.ndarray:
    """Bright disks that fall through the dark; never at rest."""
    image = np.full((*SIZE, 3), 20, np.uint8)
    for number in range(4):
        centre = (20 + 40 * number, (t * 25 + 31 * number) % SIZE[0])
        cv2.circle(image, centre, 12, (230, 200, 120), -1)
    return image


def show() -> list[np.ndarray]:
    """50 seconds, 4 frames a second."""
    timeline: list[np.ndarray] = []
    for lines in (1, 2, 3):  # 0 to 15 s: a slide to which lines are added
        timeline += [slide("A", lines)] * 20
    timeline += [slide("B", 4)] * 20 + [slide("C", 3)] * 4 + [slide("B", 4)] * 16  # to 25 s: another, for 1 s a third
    timeline += [film(t) for t in range(20)]  # to 30 s
    timeline += [slide("D", 4)] * 40  # to 40 s
    for lines in (3, 2, 1, 0):  # to 43 s: wiped line by line
        timeline += [slide("D", lines)] * 4
    timeline += [slide("D", 0)] * 24  # to 50 s
    return timeline


def noisy_clips(frames: list[np.ndarray], *, shake: int = 0, chunk: int = 7) -> Iterator[Clip]:
    rng, seen = np.random.default_rng(0), []
    for frame in frames:
        moved = np.roll(frame, tuple(rng.integers(-shake, shake + 1, 2)), (0, 1)) if shake else frame
        seen.append(np.clip(moved + rng.normal(0, 3, frame.shape), 0, 255).astype(np.uint8))
    for first in range(0, len(seen), chunk):
        yield Clip.from_numpy(np.stack(seen[first : first + chunk]), FPS, 100 + first / FPS)


@pytest.mark.parametrize("shake", [0, 1])
def test_the_states_of_a_slide_show(shake: int) -> None:
    states = list(find_states(noisy_clips(show(), shake=shake)))
    spans = [(state.start, state.stop) for state in states]
    assert [start for start, _ in spans] == [0, 15, 30, 43]
    assert [stop for _, stop in spans] == [15, 25, pytest.approx(40, abs=0.01), 49.75]
    expected = [(slide("A", 3), 10, 15), (slide("B", 4), 15, 25), (slide("D", 4), 30, 40), (slide("D", 0), 43, 50)]
    for state, (image, earliest, latest) in zip(states, expected, strict=True):
        assert earliest <= state.time < latest
        if not shake:
            assert np.abs(state.image.astype(int) - image).max() < 20, "noise of 3 levels, and nothing else"


def test_each_state_is_shown_at_the_latest_moment_that_shows_it_whole() -> None:
    states = list(find_states(noisy_clips(show())))
    assert [state.time for state in states][:2] == [14.5, 24.5]


def test_a_board_that_only_fills_is_one_state_shown_after_the_last_stroke() -> None:
    take = LectureScene(size=(144, 256), seconds=50, fps=Fraction(1), frames=None).open(0)
    plates = [take.render(t).plate for t in range(take.frame_count)]
    blank = [plates[0]] * 6  # then it is wiped
    clips = (Clip.from_numpy(frame[None], take.scene.fps, Fraction(t)) for t, frame in enumerate(plates + blank))
    full, wiped = find_states(clips, period=1.0)
    last_stroke = max(writing.end for writing in take.writings)
    assert 20 < last_stroke < 50
    assert (full.start, full.stop) == (0, 50)
    assert last_stroke <= full.time < 50
    assert np.array_equal(full.image, plates[-1])
    assert np.array_equal(wiped.image, plates[0])


def test_a_video_without_frames_has_no_state() -> None:
    assert list(find_states([])) == []


def test_a_single_frame_is_a_state() -> None:
    frame = slide("A", 2)
    (state,) = find_states([Clip.from_numpy(frame[None], FPS)])
    assert (state.start, state.stop, state.time) == (0, 0, 0)
    assert np.array_equal(state.image, frame)


@pytest.mark.parametrize("name", ["period", "settle", "change"])
def test_options_must_be_positive(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be positive, got 0"):
        list(find_states([], **{name: 0.0}))


def some_states() -> list[BoardState]:
    images = [slide("A", 3), slide("B", 2), slide("C", 1), slide("D", 4)]
    times = [(0.0, 61.0, 60.5), (61.0, 3725.0, 3724.0), (3725.0, 3800.25, 3800.0), (3800.25, 3801.0, 3801.0)]
    return [BoardState(*time, image) for time, image in zip(times, images, strict=True)]


def pages_of(pdf: bytes) -> list[np.ndarray]:
    """The pictures in a PDF of JPEGs."""
    found = re.findall(rb"stream\r?\n(\xff\xd8.*?\xff\xd9)\s*endstream", pdf, re.DOTALL)
    return [np.array(Image.open(io.BytesIO(jpeg))) for jpeg in found]


def test_a_pdf_has_a_page_for_every_state_with_its_times(tmp_path: Path) -> None:
    times = write_pages(tmp_path / "board.pdf", iter(some_states()), title="Algebra", made=1e9)
    assert times[1] == {"page": 2, "start": 61.0, "stop": 3725.0, "shown": 3724.0}
    assert json.loads((tmp_path / "board.json").read_text()) == times
    pdf = (tmp_path / "board.pdf").read_bytes()
    assert re.findall(rb"/Count (\d+)", pdf)[-1] == b"4"
    pages = pages_of(pdf)
    assert len(pages) == 4
    for page, state in zip(pages, some_states(), strict=True):
        height, width = state.image.shape[:2]
        shown = page[-8 - height : -8, 8 : 8 + width]
        assert np.abs(shown.astype(int) - state.image).mean() < 3, "JPEG, and nothing else"
        assert page[: -8 - height].min() < 100, "the times are above it"
    assert len({page[:-128].tobytes() for page in pages}) == 4, "every page has its own times"
    write_pages(tmp_path / "again.pdf", iter(some_states()), title="Algebra", made=1e9)
    assert (tmp_path / "again.pdf").read_bytes() == pdf


def test_a_sheet_shows_all_states_small(tmp_path: Path) -> None:
    write_pages(tmp_path / "board.png", iter(some_states()), title="Algebra")
    sheet = np.array(Image.open(tmp_path / "board.png"))
    assert sheet.shape[1] == 3 * (SIZE[1] + 8) + 8
    assert sheet.shape[0] > 2 * (SIZE[0] + 8)
    fourth = slide("D", 4)
    _, _, (left, top), _ = cv2.minMaxLoc(cv2.matchTemplate(sheet, fourth, cv2.TM_SQDIFF))
    found = sheet[top : top + fourth.shape[0], left : left + fourth.shape[1]]
    assert np.array_equal(found, fourth), "the fourth state, on the second row"


@pytest.mark.parametrize("name", ["board.pdf", "board.png"])
def test_no_state_is_refused_and_leaves_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: the video has no frame"):
        write_pages(tmp_path / name, iter([]), title="")
    assert list(tmp_path.iterdir()) == []


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"board\.txt: the board's pages must end in .pdf or .png or .jpg or .jpeg"):
        write_pages(tmp_path / "board.txt", iter(some_states()), title="")


def board(*arguments: object) -> int:
    from maskreel.common.cli import run_subcommands
    from maskreel.inpaint.commands.board import board as verb

    return run_subcommands({"board": verb}, ["board", *map(str, arguments)], "maskreel inpaint") or 0


def test_the_command_makes_a_pdf_beside_the_video(tmp_path: Path) -> None:
    frames = np.stack([slide("A", 3)] * 20 + [slide("B", 4)] * 20)
    write(tmp_path / "talk.mp4", Clip.from_numpy(frames, FPS))
    assert board(tmp_path / "talk.mp4") == 0
    times = json.loads((tmp_path / "talk.json").read_text())
    assert [(page["start"], page["stop"]) for page in times] == [(0, 5), (5, 9.75)]
    assert len(pages_of((tmp_path / "talk.pdf").read_bytes())) == 2


def test_the_command_takes_the_segments_of_a_job_and_a_folder_of_frames(tmp_path: Path) -> None:
    from maskreel.common.video import probe, write_segment

    clip = Clip.from_numpy(np.stack([slide("A", 3)] * 12 + [slide("B", 4)] * 12), FPS)
    write_frames(tmp_path / "frames", [clip])
    info = probe(tmp_path / "frames", fps=FPS)
    fill = tmp_path / "talk.job" / "fill"
    fill.mkdir(parents=True)
    (fill / "settings.json").write_text("{}")
    for number, part in enumerate((clip[:10], clip[10:])):
        write_segment(fill / f"{number:06d}.nut", [part], like=info, codec="ffv1")
    with pytest.raises(InputError, match=r"talk.job is the folder of a job that has filled nothing yet"):
        board(tmp_path / "talk.job")
    for number in range(2):
        (fill / f"{number:06d}.npz").touch()
    assert board(tmp_path / "talk.job", "-o", tmp_path / "job.png") == 0
    times = json.loads((tmp_path / "job.json").read_text())
    assert [(page["start"], page["stop"]) for page in times] == [(0, 3), (3, 5.75)]
    assert board(tmp_path / "frames", "-o", tmp_path / "frames.jpg", "--settle", "0.2", "--period", "0.04") == 0
    assert len(json.loads((tmp_path / "frames.json").read_text())) == 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-o", "board.txt"], "board.txt: the board's pages must end in .pdf or"),
        (["--settle", "0"], "--settle 0.0: write a number above 0"),
    ],
)
def test_bad_flags_are_refused(tmp_path: Path, flags: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        board(tmp_path / "talk.mp4", *flags)


def test_a_missing_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.mp4 does not exist"):
        board(tmp_path / "nowhere.mp4")
    assert list(tmp_path.iterdir()) == []
