from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import pytest
import torch
from PIL import Image

from maskreel.animate.backdrop import (
    Backdrop,
    FilmBackdrop,
    StillBackdrop,
    filled,
    fitted,
    is_transparent,
    open_backdrop,
    push_pull,
    shows_subject,
)
from maskreel.animate.backdrop import _film as film_module
from maskreel.animate.model import AnimationModel
from maskreel.common.errors import InputError
from maskreel.common.masks import dilate, write_binary_png
from maskreel.common.video import Clip, iterate, probe, write
from maskreel.common.world import ActorsScene

if TYPE_CHECKING:
    from pathlib import Path

    from maskreel.animate.config import Kind
    from maskreel.animate.model_config import ModelConfig

GREY, RED = (120, 130, 140), (250, 20, 20)


class RedFinder(AnimationModel):
    """Its m marks what is red."""

    def masks(self, images: torch.Tensor) -> torch.Tensor:
        red = (images[:, :1] - images[:, 1:2] > 0.5).float()
        return torch.nn.functional.avg_pool2d(red, 2)


@pytest.fixture(scope="module")
def model(small: ModelConfig) -> RedFinder:
    return RedFinder(small).eval()


def plain(colour: tuple[int, int, int], size: tuple[int, int]) -> torch.Tensor:
    return torch.tensor(colour, dtype=torch.uint8).view(3, 1, 1).repeat(1, *size)


def with_square(size: tuple[int, int] = (48, 64)) -> torch.Tensor:
    """A red square of 16 pixels on grey."""
    picture = plain(GREY, size)
    picture[:, 16:32, 24:40] = plain(RED, (16, 16))
    return picture


def save(path: Path, picture: torch.Tensor) -> Path:
    Image.fromarray(picture.permute(1, 2, 0).contiguous().numpy()).save(path)
    return path


def numbered(count: int, size: tuple[int, int] = (16, 16)) -> torch.Tensor:
    """Frame i has the level 10 * i everywhere."""
    levels = torch.arange(count, dtype=torch.uint8) * 10
    return levels.view(-1, 1, 1, 1).expand(-1, 3, *size).contiguous()


def film(path: Path, count: int, fps: int = 12, times: tuple[Fraction, ...] | None = None) -> Path:
    write(path, Clip(numbered(count), Fraction(fps), timestamps=times), codec="ffv1")
    return path


def levels(frames: torch.Tensor) -> list[int]:
    assert torch.equal(frames, frames[:, :1, :1, :1].expand_as(frames))
    return (frames[:, 0, 0, 0] // 10).tolist()


def opened(
    choice: str,
    model: AnimationModel,
    *,
    driving: Path | None = None,
    kind: Kind = "auto",
    mask: Path | None = None,
    fps: Fraction | None = None,
) -> Backdrop:
    """Before a source of 48 x 64 pixels with a red square, whose mask is exact."""
    source, source_mask = with_square(), torch.zeros(1, 48, 64)
    source_mask[:, 16:32, 24:40] = 1
    return open_backdrop(
        choice, source=source, source_mask=source_mask, driving=driving, model=model, kind=kind, mask=mask, fps=fps
    )


class TestFitted:
    def test_the_right_size_stays_as_it_is(self):
        picture = torch.randint(0, 256, (1, 3, 9, 7), dtype=torch.uint8)
        assert torch.equal(fitted(picture, (9, 7)), picture)

    def test_what_sticks_out_is_cut_off_on_both_sides(self):
        picture = torch.arange(8, dtype=torch.uint8).expand(1, 3, 4, 8)
        assert torch.equal(fitted(picture, (4, 4)), picture[..., 2:6])
        assert torch.equal(fitted(picture.transpose(2, 3), (4, 4)), picture[..., 2:6].transpose(2, 3))

    @pytest.mark.parametrize("size", [(20, 20), (5, 5)])
    def test_only_the_middle_is_resized(self, size: tuple[int, int]):
        picture = plain(RED, (10, 40))[None]
        picture[..., 15:25] = plain(GREY, (10, 10))
        assert torch.equal(fitted(picture, size), plain(GREY, size)[None])

    def test_nothing_is_stretched(self):
        rows, columns = torch.meshgrid(torch.arange(60), torch.arange(90), indexing="ij")
        disc = ((rows - 29.5) ** 2 + (columns - 44.5) ** 2 < 20**2).float()[None, None]
        small = fitted(disc, (30, 30))
        expected = ((rows[:30, :30] - 14.5) ** 2 + (columns[:30, :30] - 14.5) ** 2 < 10**2).float()
        assert ((small[0, 0] > 0.5).float() - expected).abs().mean() < 0.01

    def test_masks_stay_between_0_and_1(self):
        mask = (torch.rand(1, 1, 33, 47) > 0.5).float()
        small = fitted(mask, (20, 20))
        assert small.min() >= 0
        assert small.max() <= 1
        assert small.std() > 0.01


class TestFilled:
    def test_a_square_on_a_flat_ground_goes(self):
        picture = with_square()[None]
        holes = torch.zeros(1, 1, 48, 64)
        holes[..., 16:32, 24:40] = 1
        assert torch.equal(filled(picture, holes), plain(GREY, (48, 64))[None])

    @pytest.mark.parametrize("size", [(31, 45), (64, 64), (1, 40), (17, 1)])
    def test_what_is_outside_stays_bit_for_bit(self, size: tuple[int, int]):
        generator = torch.Generator().manual_seed(3)
        frames = torch.randint(0, 256, (2, 3, *size), dtype=torch.uint8, generator=generator)
        holes = torch.zeros(2, 1, *size)
        holes[0, :, : size[0] // 2 + 1, size[1] // 2 :] = 0.6
        before = frames.clone()
        result = filled(frames, holes, grow=2)
        hole = dilate(holes > 0.5, 2).expand_as(frames)
        assert torch.equal(result[~hole], before[~hole])
        assert not torch.equal(result[hole], before[hole])
        assert torch.equal(frames, before)
        assert torch.equal(result, filled(frames, holes, grow=2))

    def test_colours_are_between_those_around(self):
        frames = torch.full((1, 3, 40, 40), 100, dtype=torch.uint8)
        frames[..., 20:] = 180
        holes = torch.zeros(1, 1, 40, 40)
        holes[..., 10:30, 10:30] = 1
        frames[..., 10:30, 10:30] = 255
        inside = filled(frames, holes, grow=0)[0, 0, 10:30, 10:30].float()
        assert inside.min() >= 100
        assert inside.max() <= 180
        assert inside[:, 0].mean() < 120 < 160 < inside[:, -1].mean()

    def test_faint_masks_are_no_holes(self):
        frames = with_square()[None]
        assert torch.equal(filled(frames, torch.full((1, 1, 48, 64), 60 / 255)), frames)

    def test_one_hole_serves_all_frames(self):
        frames = torch.stack([with_square(), plain(GREY, (48, 64))])
        holes = torch.zeros(1, 1, 48, 64)
        holes[..., 16:32, 24:40] = 1
        assert torch.equal(filled(frames, holes), plain(GREY, (48, 64)).expand(2, -1, -1, -1))

    def test_grey_where_nothing_is_known(self):
        result = filled(with_square()[None], torch.ones(1, 1, 48, 64))
        assert torch.equal(result, torch.full_like(result, 128))

    def test_wrong_arguments(self):
        with pytest.raises(ValueError, match=r"frames must be uint8 \(N, 3, H, W\), got torch.float32"):
            filled(torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 4, 4))
        with pytest.raises(ValueError, match=r"holes must have the shape \(2 or 1, 1, 4, 4\), got \(1, 1, 4, 5\)"):
            filled(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.zeros(1, 1, 4, 5))


def test_push_pull_follows_a_ramp_and_keeps_what_is_known():
    ramp = torch.linspace(0, 1, 64).expand(1, 1, 64, 64).contiguous()
    known = torch.ones(1, 1, 64, 64)
    known[..., 20:44, 20:44] = 0
    result = push_pull(ramp * known + 9 * (1 - known), known)
    assert torch.equal(result[known > 0], ramp[known > 0])
    assert (result - ramp).abs().max() < 0.15


class TestShowsSubject:
    def test_people_are_subjects(self):
        for seed in range(3):
            clip = ActorsScene(size=(64, 64), frames=1).render(seed)
            mask = torch.nn.functional.avg_pool2d(clip.visible[:, 0:1].float(), 2)
            assert shows_subject(mask[0])

    @pytest.mark.parametrize("case", ["nothing", "speck", "all", "scattered", "grey"])
    def test_other_masks_are_not(self, case: str):
        mask = torch.zeros(1, 64, 64)
        if case == "speck":
            mask[:, 30:34, 30:34] = 1
        elif case == "all":
            mask[:, 4:, 4:] = 1
        elif case == "scattered":
            mask[:, ::8, :] = 1
        elif case == "grey":
            mask[:, 10:50, 10:50] = 0.6
        assert not shows_subject(mask)


class TestStill:
    @pytest.mark.parametrize(("choice", "colour"), [("#102030", (16, 32, 48)), ("navy", (0, 0, 128))])
    def test_a_colour(self, model: RedFinder, choice: str, colour: tuple[int, int, int]):
        backdrop = opened(choice, model)
        assert torch.equal(backdrop.read(5, 2), plain(colour, (48, 64)).expand(2, -1, -1, -1))
        assert backdrop.holes(5, 2) is None
        assert backdrop.still
        assert not backdrop.transparent

    def test_transparent(self, model: RedFinder):
        backdrop = opened("transparent", model)
        assert backdrop.transparent
        assert backdrop.read(0, 2).shape == (2, 3, 48, 64)
        assert is_transparent("transparent")
        assert not is_transparent("navy")

    def test_the_source_loses_its_subject(self, model: RedFinder):
        backdrop = opened("source", model)
        holes = backdrop.holes(0, 2)
        assert holes is not None
        assert torch.equal(filled(backdrop.read(0, 2), holes), plain(GREY, (48, 64)).expand(2, -1, -1, -1))
        assert opened("source", model, kind="other").holes(0, 1) is None

    def test_the_blurred_source_shows_no_trace_of_its_subject(self, model: RedFinder):
        backdrop = opened("blur", model)
        assert torch.equal(backdrop.read(0, 1), plain(GREY, (48, 64))[None])
        assert backdrop.holes(0, 1) is None

    def test_blur_blurs(self, model: RedFinder):
        source = torch.randint(0, 256, (3, 48, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        backdrop = open_backdrop("blur", source=source, source_mask=torch.zeros(1, 48, 64), driving=None, model=model)
        assert backdrop.read(0, 1).float().std() < source.float().std() / 3

    def test_a_picture_is_fitted(self, model: RedFinder, tmp_path: Path):
        picture = plain(GREY, (24, 64))
        picture[:, :, 16:48] = plain((1, 2, 3), (24, 32))
        backdrop = opened(str(save(tmp_path / "a.png", picture)), model, kind="other")
        assert torch.equal(backdrop.read(0, 1), plain((1, 2, 3), (48, 64))[None])

    @pytest.mark.parametrize(("kind", "found"), [("auto", True), ("same", True), ("other", False)])
    def test_its_own_subject_is_found(self, model: RedFinder, tmp_path: Path, kind: Kind, found: bool):
        backdrop = opened(str(save(tmp_path / "a.png", with_square())), model, kind=kind)
        holes = backdrop.holes(0, 2)
        assert (holes is not None) == found
        if holes is not None:
            assert holes.shape == (2, 1, 48, 64)
            assert torch.equal(filled(backdrop.read(0, 1), holes[:1]), plain(GREY, (48, 64))[None])

    def test_auto_leaves_a_picture_without_subject_alone(self, model: RedFinder, tmp_path: Path):
        path = str(save(tmp_path / "a.png", plain(GREY, (48, 64))))
        assert opened(path, model).holes(0, 1) is None
        forced = opened(path, model, kind="same").holes(0, 1)
        assert forced is not None
        assert not forced.any()

    def test_a_mask_of_the_user_counts(self, model: RedFinder, tmp_path: Path):
        picture = save(tmp_path / "a.png", with_square((96, 64)))
        mask = torch.zeros(96, 64, dtype=torch.bool)
        mask[40:56, 8:24] = True
        write_binary_png(tmp_path / "mask.png", mask)
        holes = opened(str(picture), model, kind="other", mask=tmp_path / "mask.png").holes(0, 1)
        assert holes is not None
        assert torch.equal(holes[0, 0] > 0.5, mask[24:72])  # 48 of 96 rows are shown

    def test_a_mask_for_the_source(self, model: RedFinder, tmp_path: Path):
        mask = torch.zeros(48, 64, dtype=torch.bool)
        mask[:8] = True
        write_binary_png(tmp_path / "mask.png", mask)
        holes = opened("source", model, mask=tmp_path / "mask.png").holes(0, 1)
        assert holes is not None
        assert torch.equal(holes[0, 0] > 0.5, mask)


class TestFilm:
    def test_frame_for_frame_and_from_the_beginning_again(self, tmp_path: Path):
        backdrop = FilmBackdrop(film(tmp_path / "a.mkv", 5), (16, 16))
        assert levels(backdrop.read(0, 12)) == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
        assert not backdrop.still
        assert backdrop.holes(0, 12) is None

    @pytest.mark.parametrize(
        ("fps", "expected"),
        [
            (Fraction(12), [0, 1, 2, 3, 4, 0, 1, 2]),
            (Fraction(24), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 0, 0]),
            (Fraction(6), [0, 2, 4, 1, 3, 0]),
            (Fraction(8), [0, 1, 3, 4, 1, 2, 4, 0]),
        ],
    )
    def test_it_plays_at_its_own_speed(self, tmp_path: Path, fps: Fraction, expected: list[int]):
        backdrop = FilmBackdrop(film(tmp_path / "a.mkv", 5), (16, 16), fps=fps)
        assert levels(backdrop.read(0, len(expected))) == expected

    def test_frames_of_uneven_length(self, tmp_path: Path):
        times = tuple(Fraction(tick, 8) for tick in (0, 1, 3, 4, 7))
        path = film(tmp_path / "a.mkv", 5, 8, times)
        shown = levels(FilmBackdrop(path, (16, 16), fps=Fraction(8)).read(0, 8))
        assert shown == [0, 1, 1, 2, 3, 3, 3, 4]
        assert levels(FilmBackdrop(path, (16, 16)).read(0, 7)) == [0, 1, 2, 3, 4, 0, 1]
        assert levels(FilmBackdrop(path, (16, 16), fps=Fraction(8)).read(5, 3)) == [3, 3, 4]

    def test_a_film_whose_clock_begins_late(self, tmp_path: Path):
        with av.open(str(tmp_path / "late.mkv"), "w") as out:
            stream = out.add_stream("ffv1", rate=10)
            assert isinstance(stream, av.VideoStream)
            stream.width = stream.height = 16
            stream.pix_fmt = "bgr0"
            for number, frame in enumerate(numbered(4)):
                picture = av.VideoFrame.from_ndarray(frame.permute(1, 2, 0).contiguous().numpy(), "rgb24")
                picture.pts, picture.time_base = 33 + number, Fraction(1, 10)
                out.mux(stream.encode(picture.reformat(format="bgr0")))
            out.mux(stream.encode())
        assert probe(tmp_path / "late.mkv").start == Fraction(33, 10)
        backdrop = FilmBackdrop(tmp_path / "late.mkv", (16, 16), fps=Fraction(10))
        assert levels(backdrop.read(0, 6)) == [0, 1, 2, 3, 0, 1]

    @pytest.mark.parametrize("fps", [None, Fraction(30000, 1001)])
    def test_pieces_make_the_same_whole_wherever_one_begins(self, tmp_path: Path, fps: Fraction | None):
        path = film(tmp_path / "a.mkv", 7)
        whole = levels(FilmBackdrop(path, (16, 16), fps=fps).read(0, 40))
        backdrop = FilmBackdrop(path, (16, 16), fps=fps)
        assert [level for start in range(0, 40, 5) for level in levels(backdrop.read(start, 5))] == whole
        assert levels(backdrop.read(3, 4)) == whole[3:7]
        assert levels(backdrop.read(31, 9)) == whole[31:]
        assert levels(backdrop.read(31, 9)) == whole[31:]

    def test_it_reads_no_further_than_it_must(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        path = film(tmp_path / "a.mkv", 25)
        read, largest = 0, 0

        def watched(*args, **options):
            nonlocal read, largest
            for clip in iterate(*args, **options):
                read, largest = read + len(clip), max(largest, len(clip))
                yield clip

        monkeypatch.setattr(film_module, "iterate", watched)
        backdrop = FilmBackdrop(path, (16, 16))
        for start in range(0, 12, 3):
            backdrop.read(start, 3)
            assert read <= start + 3 + 4
        assert largest <= 4
        read = 0
        backdrop.read(70, 1)  # frame 20 of the third showing
        assert read <= 5 + 4

    def test_frames_are_fitted(self, tmp_path: Path):
        backdrop = FilmBackdrop(film(tmp_path / "a.mkv", 3), (10, 30))
        assert levels(backdrop.read(0, 4)) == [0, 1, 2, 0]
        assert backdrop.read(0, 4).shape == (4, 3, 10, 30)

    def test_masks_of_every_frame_go_round_with_it(self, tmp_path: Path):
        path, folder = film(tmp_path / "a.mkv", 3), tmp_path / "masks"
        folder.mkdir()
        for number in range(3):
            mask = torch.zeros(16, 16, dtype=torch.bool)
            mask[number] = True
            write_binary_png(folder / f"{number}.png", mask)
        backdrop = FilmBackdrop(path, (16, 16), mask=folder)
        backdrop.read(0, 5)
        holes = backdrop.holes(0, 5)
        assert holes is not None
        assert [int(hole[0, :, 0].argmax()) for hole in holes] == [0, 1, 2, 0, 1]
        again = backdrop.holes(7, 1)
        assert again is not None
        assert int(again[0, 0, :, 0].argmax()) == 1

    def test_one_mask_for_all_of_it(self, tmp_path: Path):
        mask = torch.rand(16, 16) > 0.5
        write_binary_png(tmp_path / "mask.png", mask)
        holes = FilmBackdrop(film(tmp_path / "a.mkv", 3), (16, 16), mask=tmp_path / "mask.png").holes(0, 5)
        assert holes is not None
        assert torch.equal(holes > 0.5, mask.expand(5, 1, 16, 16))

    def test_masks_of_another_length(self, tmp_path: Path):
        folder = tmp_path / "masks"
        folder.mkdir()
        for number in range(2):
            write_binary_png(folder / f"{number}.png", torch.ones(16, 16, dtype=torch.bool))
        with pytest.raises(InputError, match="holds 2 masks, expected 3"):
            FilmBackdrop(film(tmp_path / "a.mkv", 3), (16, 16), mask=folder)

    def test_wrong_numbers(self, tmp_path: Path):
        backdrop = FilmBackdrop(film(tmp_path / "a.mkv", 3), (16, 16))
        with pytest.raises(ValueError, match="start must be 0 or more and count 1 or more, got -1 and 2"):
            backdrop.read(-1, 2)


class TestOpenFilm:
    def moving(self, path: Path) -> Path:
        frames = torch.stack([with_square().roll(shift, -1) for shift in (0, 4, 8)])
        write(path, Clip(frames, Fraction(12)), codec="ffv1")
        return path

    def test_the_driving_video_loses_its_subject(self, model: RedFinder, tmp_path: Path):
        backdrop = opened("driving", model, driving=self.moving(tmp_path / "a.mkv"), fps=Fraction(5))
        frames, holes = backdrop.read(0, 3), backdrop.holes(0, 3)
        assert torch.equal(frames[2], with_square().roll(8, -1))  # not by time
        assert holes is not None
        assert torch.equal(filled(frames, holes), plain(GREY, (48, 64)).expand(3, -1, -1, -1))

    @pytest.mark.parametrize(("kind", "found"), [("auto", True), ("same", True), ("other", False)])
    def test_a_film_of_the_user(self, model: RedFinder, tmp_path: Path, kind: Kind, found: bool):
        backdrop = opened(str(self.moving(tmp_path / "a.mkv")), model, kind=kind, fps=Fraction(24))
        assert torch.equal(backdrop.read(0, 4)[3], with_square().roll(4, -1))
        assert (backdrop.holes(0, 4) is not None) == found

    def test_its_subject_is_looked_for_once(self, tmp_path: Path):
        calls = 0

        def find(frames: torch.Tensor) -> torch.Tensor:
            nonlocal calls
            calls += 1
            return frames[:, :1].float() / 255

        backdrop = FilmBackdrop(film(tmp_path / "a.mkv", 5), (16, 16), find=find)
        for start in (0, 2):
            for _ in range(2):
                holes = backdrop.holes(start, 2)
                assert holes is not None
                assert torch.equal(holes, backdrop.read(start, 2)[:, :1].float() / 255)
        assert calls == 2

    def test_auto_leaves_a_film_without_subject_alone(self, model: RedFinder, tmp_path: Path):
        assert opened(str(film(tmp_path / "a.mkv", 3)), model).holes(0, 2) is None

    def test_a_gif_and_a_folder_are_films(self, model: RedFinder, tmp_path: Path):
        write(tmp_path / "a.gif", Clip(numbered(3, (48, 64)), Fraction(10)))
        gif = opened(str(tmp_path / "a.gif"), model, kind="other", fps=Fraction(10))
        assert levels((gif.read(0, 4).float() / 10).round().to(torch.uint8) * 10) == [0, 1, 2, 0]
        folder = tmp_path / "frames"
        folder.mkdir()
        for number, frame in enumerate(numbered(3, (48, 64))):
            save(folder / f"{number:05}.png", frame)
        assert levels(opened(str(folder), model, kind="other").read(0, 4)) == [0, 1, 2, 0]

    def test_a_film_of_one_frame_is_still(self, model: RedFinder, tmp_path: Path):
        path = film(tmp_path / "a.mkv", 1)
        assert isinstance(opened(str(path), model), StillBackdrop)
        assert isinstance(opened("driving", model, driving=path), StillBackdrop)


class TestWrongChoices:
    def test_neither_file_nor_word(self, model: RedFinder):
        with pytest.raises(InputError, match=r"nowhere\.png is neither a file nor a colour nor one of source, driving"):
            opened("nowhere.png", model)

    def test_a_colour_with_opacity(self, model: RedFinder):
        with pytest.raises(InputError, match="#11223344 is neither a file nor a colour"):
            opened("#11223344", model)

    def test_a_text_file(self, model: RedFinder, tmp_path: Path):
        (tmp_path / "a.png").write_text("hello")
        (tmp_path / "a.mp4").write_text("hello")
        with pytest.raises(InputError, match=r"a\.png cannot be read"):
            opened(str(tmp_path / "a.png"), model)
        with pytest.raises(InputError, match=r"a\.mp4 is not a video"):
            opened(str(tmp_path / "a.mp4"), model)

    def test_driving_without_a_driving_video(self, model: RedFinder):
        with pytest.raises(InputError, match="the background 'driving' needs a driving video"):
            opened("driving", model)

    @pytest.mark.parametrize("choice", ["blur", "navy", "transparent"])
    def test_a_mask_where_nothing_can_be_masked(self, model: RedFinder, tmp_path: Path, choice: str):
        with pytest.raises(InputError, match=rf"mask\.png cannot be used: the background '{choice}' shows nothing"):
            opened(choice, model, mask=tmp_path / "mask.png")

    def test_a_mask_of_another_size(self, model: RedFinder, tmp_path: Path):
        picture = save(tmp_path / "a.png", with_square())
        write_binary_png(tmp_path / "mask.png", torch.ones(5, 6, dtype=torch.bool))
        with pytest.raises(InputError, match=r"mask\.png is 6x5 pixels, expected 64x48"):
            opened(str(picture), model, mask=tmp_path / "mask.png")

    def test_an_unknown_kind(self, model: RedFinder):
        with pytest.raises(ValueError, match="kind must be one of auto, same, other, got 'alike'"):
            opened("navy", model, kind="alike")  # pyright: ignore[reportArgumentType]
