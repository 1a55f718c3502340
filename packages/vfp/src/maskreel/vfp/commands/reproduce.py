"""`maskreel vfp reproduce`: the published system from one end to the other, by the verbs that do its steps."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path  # noqa: TC003 (tyro reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from maskreel.common.atomic import write_json
from maskreel.common.cli import progress
from maskreel.common.errors import InputError
from maskreel.common.job_folder import locked
from maskreel.common.json_file import read_json
from maskreel.common.training import TrainingConfig
from maskreel.vfp.commands.blur import blur
from maskreel.vfp.commands.evaluate import evaluate
from maskreel.vfp.commands.forecast import forecast
from maskreel.vfp.commands.predict import predict
from maskreel.vfp.commands.stats import stats
from maskreel.vfp.commands.train import SHIPPED as PREDICTOR_TRAINING
from maskreel.vfp.commands.train import train
from maskreel.vfp.commands.train_segmenter import SHIPPED as SEGMENTER_TRAINING
from maskreel.vfp.commands.train_segmenter import train_segmenter
from maskreel.vfp.config import ForecastConfig
from maskreel.vfp.frames import PredictorConfig

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PROFILES", "Profile", "reproduce"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Profile:
    """How large everything is."""

    train: int
    """Videos to render for training, where no data is given."""
    val: int
    """Videos to render for measuring."""
    predictor: PredictorConfig
    predictor_training: TrainingConfig
    segmenter: Literal["shapes", "resnet50"]
    start: Literal["shapes", "scratch"]
    segmenter_training: TrainingConfig


_SEED_PREDICTOR = PredictorConfig(
    network="original",
    patch=1,
    residual=False,
    newest_skip=False,
    spatial_width=64,
    spatial_depth=4,
    temporal_width=256,
    temporal_depth=8,
)

PROFILES = {
    "smoke": Profile(
        train=12,
        val=8,
        predictor=PredictorConfig(spatial_width=16, temporal_width=32, temporal_depth=2),
        predictor_training=replace(PREDICTOR_TRAINING, steps=40, evaluate_every=40, samples_every=40),
        segmenter="shapes",
        start="shapes",
        segmenter_training=replace(
            SEGMENTER_TRAINING, steps=6, lr=1e-4, evaluate_every=6, samples_every=6, log_every=2
        ),
    ),
    "gpu30": Profile(
        train=1000,
        val=200,
        predictor=PredictorConfig(patch=2, spatial_width=64, spatial_depth=4, temporal_width=256, temporal_depth=8),
        predictor_training=replace(PREDICTOR_TRAINING, steps=3000, batch_size=16, lr=1e-3, precision="bf16", workers=8),
        segmenter="shapes",
        start="shapes",
        segmenter_training=replace(SEGMENTER_TRAINING, steps=1500, batch_size=16, workers=8),
    ),
    "seed": Profile(
        train=1000,
        val=1000,
        predictor=_SEED_PREDICTOR,
        predictor_training=TrainingConfig(
            epochs=51, batch_size=16, optimiser="adam", lr=0.01, schedule="onecycle", workers=8
        ),
        segmenter="resnet50",
        start="scratch",
        segmenter_training=TrainingConfig(
            steps=5000, batch_size=60, optimiser="sgd", lr=5e-4, clip_norm=10.0, workers=8
        ),
    ),
}
"""By name: the whole chain in minutes on two cores; for one GPU and half an hour; the settings of the seed, where
Mask R-CNN is torchvision's and colours, order and clipping are right."""

_FOLDS = 2


def reproduce(
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    profile: Literal["smoke", "gpu30", "seed"] = "smoke",
    data: Path | None = None,
    threads: int | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> int:
    """Reproduce the published system: predict frames, blur images, Mask R-CNN, the mask of frame 22, its IoU.

    The steps are verbs of this command, and each is printed as one before it runs: statistics of the data, training of
    the frame predictor, predicted frames, training of the segmenter on real frames and on predicted ones (each by a
    predictor that has not seen the video), segmentation of frame 22, and its score beside baselines. Killed? Run the
    same command again: steps that are finished are not repeated, and a training goes on where it was.

    Args:
        output: The folder for everything.
        profile: smoke: everything small, in minutes on two cores; gpu30: one GPU, half an hour; seed: the settings of
            the original project.
        data: A data set in the layout of vfp; by default the table scene is rendered into OUTPUT/data.
        threads: Threads of torch in trainings; by default as it finds them.
        device: Where to train; auto is cuda where there is a device.
    """
    chain = _Chain(output, PROFILES[profile], data, threads, device)
    with locked(output):
        _same_job(output, profile, data)
        for number, (name, verb, done) in enumerate(chain.steps(), start=1):
            if done.exists():
                logger.info("step %d, %s: done before", number, name)
                continue
            logger.info("step %d, %s", number, name)
            verb()
    logger.info("%s", output / "report" / "report.html")
    return 0


def _same_job(output: Path, profile: str, data: Path | None) -> None:
    """An output folder belongs to one profile and one data set."""
    file, job = output / "reproduce.json", {"profile": profile, "data": None if data is None else str(data)}
    if file.exists() and (found := read_json(file)) != job:
        raise InputError(f"{output} holds a run of {found}, not of {job}; give it another folder")
    write_json(file, job)


class _Chain:
    """The steps and where their results are."""

    def __init__(
        self,
        output: Path,
        profile: Profile,
        data: Path | None,
        threads: int | None,
        device: Literal["auto", "cpu", "cuda"],
    ) -> None:
        self._output, self._profile = output, profile
        self._given, self._data = data, output / "data" if data is None else data
        self._threads = threads
        self._device: Literal["auto", "cpu", "cuda"] = device
        self._predictor = output / "predictor" / "predictor.safetensors"
        self._segmenter = output / "segmenter" / "segmenter.safetensors"

    def steps(self) -> list[tuple[str, Callable[[], object], Path]]:
        """What each step is called, what does it, and the file that is there when it is done."""
        output, folds = self._output, self._output / "folds"
        rendered = [] if self._given is not None else [("render", self._render, output / "rendered.json")]
        fold_runs = [folds / f"fold_{number}" for number in range(_FOLDS)]
        return [
            *rendered,
            ("statistics", self._statistics, output / "statistics.json"),
            ("train the frame predictor", lambda: self._train(self._data, output / "predictor"), self._predictor),
            ("predict frames", self._predict, output / "predicted" / "predictions.json"),
            ("lay out folds", lambda: blur(self._data, folds, prepare_folds=_FOLDS), folds / "folds.json"),
            *(
                (
                    f"train on {fold.name}",
                    lambda fold=fold: self._train(fold, fold / "run"),
                    fold / "run/predictor.json",
                )
                for fold in fold_runs
            ),
            ("blur images", self._blur, output / "blurred.json"),
            ("train the segmenter", self._train_segmenter, self._segmenter),
            ("forecast the mask of frame 22", self._forecast, output / "masks.npy"),
            ("evaluate", self._evaluate, output / "report" / "scores.json"),
        ]

    def _render(self) -> None:
        from maskreel.common.world import Splits, TableScene, write_dataset

        counts = Splits(train=self._profile.train, val=self._profile.val)
        with progress(description="render", total=counts.total, unit="videos") as bar:
            write_dataset(TableScene(), self._data, counts, seed=0, progress=bar.update)
        write_json(self._output / "rendered.json", asdict(counts))

    def _statistics(self) -> None:
        stats(self._data, self._output / "statistics.json")

    def _train(self, data: Path, folder: Path) -> None:
        config = replace(self._profile.predictor_training, threads=self._threads, device=self._device)
        held_out = () if data == self._data else (self._data / "val",)
        train((data,), folder, config, self._profile.predictor, held_out=held_out)

    def _predict(self) -> None:
        predict(
            self._data / "val",
            self._output / "predicted",
            outputs=("npy", "strip"),
            weights=self._predictor,
            device=self._device,
        )

    def _blur(self) -> None:
        folds = self._output / "folds" / "folds.json"
        blur(self._data, self._output / "blur_train", folds=folds, device=self._device)
        blur(self._data, self._output / "blur_val", "val", self._predictor, device=self._device)
        write_json(self._output / "blurred.json", {"folds": str(folds)})

    def _train_segmenter(self) -> None:
        train_segmenter(
            (self._data,),
            self._output / "segmenter",
            replace(self._profile.segmenter_training, threads=self._threads, device=self._device),
            self._profile.segmenter,
            self._profile.start,
            blur=(self._output / "blur_train",),
            held_out_blur=(self._output / "blur_val",),
        )

    def _forecast(self) -> None:
        forecast(self._data / "val", self._forecaster(), self._output / "masks.npy")

    def _evaluate(self) -> None:
        evaluate(self._data, self._forecaster(), self._output / "report")

    def _forecaster(self) -> ForecastConfig:
        return ForecastConfig(
            method="frames", segmenter=self._segmenter, predictor=self._predictor, device=self._device
        )
