"""`ImageAnimator`: a still picture moved by a driving video."""

from __future__ import annotations

import copy
import tempfile
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import torch

import maskreel.animate
from maskreel.animate.backdrop import open_backdrop
from maskreel.animate.compositing import Compositor, Paste
from maskreel.animate.config import AnimateConfig
from maskreel.animate.ready_model import made_ready, plain_model
from maskreel.animate.running.driving_masks import write_motion
from maskreel.animate.running.idle import tell_of_lock
from maskreel.animate.running.inputs import Inputs, open_driving
from maskreel.animate.running.job import fingerprint
from maskreel.animate.running.order import take_order
from maskreel.animate.running.outputs import check_apart
from maskreel.animate.running.plan import find_masks, make_plan, view_source
from maskreel.animate.running.recipe import check_recipe, recipe_of
from maskreel.animate.running.renderer import Renderer
from maskreel.animate.running.report import command, frames_shown, titles_of, write_record, write_report
from maskreel.animate.running.result import AnimateResult, summarise
from maskreel.animate.running.segments import Segments
from maskreel.animate.running.watching import unwatched
from maskreel.common.atomic import remove_scratch
from maskreel.common.errors import InputError
from maskreel.common.job_folder import identify
from maskreel.common.show import save_image
from maskreel.common.video import Clip, read, write

if TYPE_CHECKING:
    import os

    from torch import Tensor

    from maskreel.animate.model import AnimationModel
    from maskreel.animate.running.inputs import Driving
    from maskreel.animate.running.outputs import Output
    from maskreel.animate.running.plan import SourceView
    from maskreel.animate.running.renderer import Finish
    from maskreel.animate.running.watching import Watch

__all__ = ["ImageAnimator"]


class ImageAnimator:
    """Moves still pictures as driving videos move, before their own or another background.

        result = ImageAnimator().animate("me.jpg", "dance.mp4", background="beach.jpg", output="me_dancing.mp4")
        print(result.output, result.report)

    Memory does not grow with the length of the driving video.

    Args:
        config: all settings.
        model: the networks, instead of the ones that the config names. It is not changed.
    """

    def __init__(self, config: AnimateConfig | None = None, *, model: AnimationModel | None = None) -> None:
        self.config = config or AnimateConfig()
        self._given = model

    @property
    def model(self) -> AnimationModel:
        """The networks as they are run; loaded when they are first asked for."""
        return self._made[0]

    @cached_property
    def _made(self) -> tuple[AnimationModel, str]:
        """The networks as they are run, and SHA-256 of m's weights as they were trained."""
        plain = plain_model(self.config, self._given)
        trained = fingerprint(plain.mask_generator)
        return made_ready(plain, self.config), trained

    @property
    def _masking(self) -> dict[str, str]:
        """What driving masks depend on, as `recipe_of` and `check_recipe` take it."""
        model, trained = self._made
        return {"mask_network": trained, "border": model.mask_generator.border}

    @overload
    def animate(self, source: Clip | Tensor, driving: Clip, background: Clip | Tensor | str | None = None) -> Clip: ...

    @overload
    def animate(
        self,
        source: str | os.PathLike[str],
        driving: str | os.PathLike[str],
        background: str | os.PathLike[str] | None = None,
        *,
        background_mask: str | os.PathLike[str] | None = None,
        output: str | os.PathLike[str] | None = None,
        job: str | os.PathLike[str] | None = None,
        seconds: float | None = None,
        watch: Watch = unwatched,
    ) -> AnimateResult: ...

    def animate(
        self,
        source: Clip | Tensor | str | os.PathLike[str],
        driving: Clip | str | os.PathLike[str],
        background: Clip | Tensor | str | os.PathLike[str] | None = None,
        *,
        background_mask: str | os.PathLike[str] | None = None,
        output: str | os.PathLike[str] | None = None,
        job: str | os.PathLike[str] | None = None,
        seconds: float | None = None,
        watch: Watch = unwatched,
    ) -> Clip | AnimateResult:
        """Let the subject of `source` move as that of `driving` does.

        Args:
            source: an image; of a video, GIF, folder of frames or Clip the first frame; uint8 (3, H, W).
            driving: a video, GIF, folder of frames, image or Clip; or what `save_motion` wrote (.npz).
            background: what comes behind the subject: an image, video, GIF or folder, a colour, "source" or "driving"
                (without their own subjects), "blur" or "transparent". None: the source's picture goes on around what
                the networks made.
            background_mask: a mask picture or masks of every frame: the background's own subject, to be left out.
            output: the file to write; by default beside the source, as NAME.animated.mp4 (.mov if it is transparent,
                .png for a driving image). .mp4, .mkv and .mov get the sound of the driving video; a name without
                suffix is a folder of PNG images.
            job: the folder for unfinished work; by default beside the output, as NAME.job. A killed run goes on from
                there when it is called again, with the same result. It is removed at the end.
            seconds: work on the first seconds of the driving video only.
            watch: told of the progress.

        Returns:
            For files, an `AnimateResult` that names the result, report and record. For a driving Clip, a Clip of the
            source's size.

        Raises:
            InputError: a file cannot be used, or settings do not fit it.
            TypeError: Clips and paths are mixed.
        """
        if isinstance(driving, Clip):
            return self._animate_clip(source, driving, background)
        if isinstance(source, (Clip, torch.Tensor)) or isinstance(background, (Clip, torch.Tensor)):
            raise TypeError("with a path for driving, source and background must be paths, too")
        inputs = Inputs(
            Path(source),
            Path(driving),
            None if background is None else str(background),
            None if background_mask is None else Path(background_mask),
        )
        return self._animate_files(inputs, output, job, seconds, watch)

    def save_motion(
        self,
        driving: str | os.PathLike[str],
        output: str | os.PathLike[str],
        *,
        seconds: float | None = None,
        watch: Watch = unwatched,
    ) -> Path:
        """Save what `animate` takes from a driving video, without its pictures: its subject's masks, its times.

        Given to `animate` in place of the video, with the same networks and settings, it makes the same frames.

        Args:
            driving: a video, GIF or folder of frames.
            output: .npz; nothing in it is pickled.
            seconds: save the first seconds only.
            watch: told of the progress.

        Returns:
            `output`.

        Raises:
            InputError: a file cannot be used.
        """
        frames, path = open_driving(Path(driving), seconds=seconds), Path(output)
        if frames.picture is not None or frames.motion is not None:
            raise InputError(f"{driving} is no video; give a video, GIF or folder of frames")
        check_apart(path, frames.info.path)
        masks = find_masks(self.model, frames, self.config)
        recipe = recipe_of(self.config, **self._masking)
        with watch("look", frames.count) as advance:
            write_motion(path, masks, recipe=recipe, advance=advance)
        return path

    def _animate_files(
        self,
        inputs: Inputs,
        output: str | os.PathLike[str] | None,
        job: str | os.PathLike[str] | None,
        seconds: float | None,
        watch: Watch,
        *,
        told: bool = True,
    ) -> AnimateResult:
        """`told`: with page, picture and record."""
        picture, driving, target, work = take_order(inputs, self.config, output=output, job=job, seconds=seconds)
        if told:
            tell_of_lock(self.config, inputs, target)
        if driving.motion is not None:
            check_recipe(driving.motion, **self._masking)
        with work.opened(self._settings(inputs, driving, target)):
            remove_scratch(target.path.parent, stem=target.path.stem)
            view = view_source(self.model, picture.pixels, self.config)
            finish = self._finish(inputs, view, driving)
            plan = make_plan(self.model, view, driving, self.config, watch=watch)
            renderer = Renderer(self.model, plan, finish, smoothing=self.config.smoothing)
            shown = frames_shown(driving.count) if told else ()
            segments = Segments(work, renderer, plan, driving, target, self.config, picture.pixel_aspect, shown)
            with watch("make", driving.count) as advance:
                figures = segments.make(advance)
            target.finish(segments.paths)
            summary = summarise(figures, size=view.framing.size, fps=float(driving.info.fps), start=plan.start)
            result = AnimateResult.beside(target.path, summary)
            if told:
                again = command(inputs, self.config, target.path, seconds=seconds)
                write_record(result, inputs, plan, self._about(again))
                titles = titles_of(with_driving=driving.motion is None)
                write_report(result, segments.looks(), again, titles)
            return result

    def _finish(self, inputs: Inputs, view: SourceView, driving: Driving) -> Finish:
        """What puts pictures into full frames."""
        if inputs.background is None:
            return Paste(view.framing, view.picture, view.source.mask, lock_background=self.config.lock_background)
        choice, kind = inputs.background, self.config.kind
        if choice == "driving" and driving.motion is not None:
            raise InputError(f"{inputs.driving} holds a motion without pictures; name another background than driving")
        if choice == "driving" and driving.picture is not None:
            choice, kind = str(inputs.driving), "same" if kind == "auto" else kind
        backdrop = open_backdrop(
            choice,
            source=view.picture,
            source_mask=view.framing.place(view.source.large_mask)[0].cpu(),
            driving=inputs.driving,
            model=self.model,
            kind=kind,
            mask=inputs.background_mask,
            fps=driving.info.fps,
        )
        return Compositor(
            self.model,
            backdrop,
            view.framing,
            swap=self.config.swap,
            lock_background=self.config.lock_background,
        )

    def _settings(self, inputs: Inputs, driving: Driving, target: Output) -> dict[str, Any]:
        """What a result depends on."""
        return {
            "inputs": {name: identify(path) for name, path in inputs.files.items()},
            "background": inputs.background,
            "frames": driving.count,
            "output": (target.form, target.codec, target.transparent),
            "config": asdict(self.config),
            "model": fingerprint(self.model),
            "version": maskreel.animate.__version__,
        }

    def _about(self, again: str) -> dict[str, Any]:
        return {
            "command": again,
            "config": asdict(self.config),
            "model": fingerprint(self.model),
            "version": maskreel.animate.__version__,
        }

    def _animate_clip(
        self, source: object, driving: Clip, background: Clip | Tensor | str | os.PathLike[str] | None
    ) -> Clip:
        """By way of lossless files, so that there is one way through the code."""
        if not isinstance(source, (Clip, torch.Tensor)):
            raise TypeError(f"with a Clip for driving, source must be a Clip or tensor, got {type(source).__name__}")
        if background == "transparent":
            raise ValueError("background must not be transparent for a Clip, which has no opacity; give paths")
        lossless = copy.copy(self)
        lossless.__dict__["_made"] = self._made
        lossless.config = replace(self.config, lossless=True, crf=AnimateConfig.crf)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder / "driving.mkv", driving, codec="ffv1")
            save_image(folder / "source.png", source.frames[0] if isinstance(source, Clip) else source)
            if isinstance(background, Clip):
                write(folder / "background.mkv", background, codec="ffv1")
                background = folder / "background.mkv"
            elif isinstance(background, torch.Tensor):
                save_image(folder / "background.png", background)
                background = folder / "background.png"
            inputs = Inputs(
                folder / "source.png", folder / "driving.mkv", None if background is None else str(background)
            )
            lossless._animate_files(inputs, folder / "result.mkv", None, None, unwatched, told=False)
            frames = read(folder / "result.mkv").frames
        return Clip(frames, driving.fps, driving.start, driving.timestamps)
