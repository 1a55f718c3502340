"""Network weights: fetch published ones once and safely, rename their keys, load them, save our own."""

from maskreel.common.weights._entry import WeightsEntry, cache_folder
from maskreel.common.weights._load import load_into, load_state_dict
from maskreel.common.weights._rename import rename_keys, strip_prefix
from maskreel.common.weights._save import check_expectations, save_half
from maskreel.common.weights._torchvision import torchvision_entry

__all__ = [
    "WeightsEntry",
    "cache_folder",
    "check_expectations",
    "load_into",
    "load_state_dict",
    "rename_keys",
    "save_half",
    "strip_prefix",
    "torchvision_entry",
]
