"""The verbs of `maskreel vfp`; what they need beyond flags is imported when they run."""

from __future__ import annotations

from maskreel.vfp.commands.blur import blur
from maskreel.vfp.commands.check_data import check_data
from maskreel.vfp.commands.evaluate import evaluate
from maskreel.vfp.commands.fit_table import fit_table
from maskreel.vfp.commands.forecast import forecast
from maskreel.vfp.commands.predict import predict
from maskreel.vfp.commands.reproduce import reproduce
from maskreel.vfp.commands.segment import segment
from maskreel.vfp.commands.stats import stats
from maskreel.vfp.commands.train import train
from maskreel.vfp.commands.train_interaction import train_interaction
from maskreel.vfp.commands.train_masks import train_masks
from maskreel.vfp.commands.train_segmenter import train_segmenter

__all__ = ["VERBS"]

VERBS = {
    "check-data": check_data,
    "stats": stats,
    "train": train,
    "predict": predict,
    "blur": blur,
    "train-segmenter": train_segmenter,
    "segment": segment,
    "fit-table": fit_table,
    "train-masks": train_masks,
    "train-interaction": train_interaction,
    "forecast": forecast,
    "evaluate": evaluate,
    "reproduce": reproduce,
}
