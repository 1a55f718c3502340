"""Published network weights: fetch them once and safely, rename their keys, load them into a module."""

from maskreel.common.weights._entry import WeightsEntry, cache_folder
from maskreel.common.weights._load import load_into, load_state_dict
from maskreel.common.weights._rename import rename_keys, strip_prefix

__all__ = ["WeightsEntry", "cache_folder", "load_into", "load_state_dict", "rename_keys", "strip_prefix"]
