"""Frame predictors on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from maskreel.common.weights import check_expectations
from maskreel.vfp.frames._build import build_predictor
from maskreel.vfp.frames._config import PredictorConfig
from maskreel.vfp.networks import load_published
from maskreel.vfp.saved import load_network, save_network, shipped

if TYPE_CHECKING:
    import os

    from maskreel.common.maskrcnn import TrainingRecord
    from maskreel.vfp.frames._predictor import FramePredictor

__all__ = ["load_predictor", "save_predictor", "start_from"]


def _expectations(config: PredictorConfig) -> dict[str, object]:
    """Mean and std stand in the config, too; twice, so that a file in which they were edited is found out."""
    return {"kind": "frame predictor", "channel_order": "RGB", "mean": list(config.mean), "std": list(config.std)}


def save_predictor(
    predictor: FramePredictor, path: str | os.PathLike[str], record: TrainingRecord | None = None
) -> None:
    """Write a predictor in half precision as .safetensors, with its configuration; the record goes beside it as .json.

    Raises:
        ValueError: The path does not end in .safetensors, or a value is too large for half precision.
    """
    save_network(path, predictor, predictor.config, expects=_expectations(predictor.config), record=record)


def load_predictor(path: str | os.PathLike[str] | None = None) -> FramePredictor:
    """A saved predictor, frozen and in evaluation mode.

    Args:
        path: What `save_predictor` wrote; None: the predictor that comes with the package, trained on the table scene.

    Raises:
        InputError: The file is missing, broken, of another network or for another channel order.
    """
    source = shipped("predictor") if path is None else path
    expects = {"kind": "frame predictor", "channel_order": "RGB"}
    predictor, config = load_network(source, build_predictor, PredictorConfig, expects=expects)
    check_expectations(source, _expectations(config))
    return predictor


def start_from(path: str | os.PathLike[str], config: PredictorConfig) -> FramePredictor:
    """A predictor to train on, with the weights of an earlier training, its own or a published one.

    Args:
        path: What `save_predictor` wrote, which says itself what the network is, or a checkpoint of OpenSTL or of the
            original SimVP, which must fit `config`.
        config: What a published checkpoint is built as; it does not count for our own files.

    Raises:
        InputError: The file is missing, broken or does not fit.
    """
    if Path(path).suffix == ".safetensors":
        return load_predictor(path).requires_grad_(True).train()
    predictor = build_predictor(config)
    load_published(predictor.network.network, path)  # pyright: ignore[reportArgumentType] (a SimVP or ConvLSTM)
    return predictor
