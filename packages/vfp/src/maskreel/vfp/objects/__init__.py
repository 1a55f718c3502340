"""Forecasting by objects: masks, tracks on a table, simulated futures, masks again."""

from maskreel.vfp.objects.camera import TableCamera
from maskreel.vfp.objects.fit_table import fit_table, with_noise_of
from maskreel.vfp.objects.forecaster import ObjectForecaster
from maskreel.vfp.objects.futures import Doubt
from maskreel.vfp.objects.solids import Solid
from maskreel.vfp.objects.table import Motion, Table

__all__ = ["Doubt", "Motion", "ObjectForecaster", "Solid", "Table", "TableCamera", "fit_table", "with_noise_of"]
