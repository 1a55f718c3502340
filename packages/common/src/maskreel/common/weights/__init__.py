"""Network weights: fetch published ones once and safely, rename their keys, load them, save our own."""

from maskreel.common.weights._checkpoint import load_checkpoint
from maskreel.common.weights._described import build_described
from maskreel.common.weights._entry import WeightsEntry, cache_folder
from maskreel.common.weights._identity import short_identity
from maskreel.common.weights._load import load_into, load_state_dict
from maskreel.common.weights._pickles import check_archive
from maskreel.common.weights._rename import rename_keys, strip_prefix
from maskreel.common.weights._save import check_expectations, read_metadata, save_half, save_tensors
from maskreel.common.weights._script import load_script
from maskreel.common.weights._torchvision import torchvision_entry

__all__ = [
    "WeightsEntry",
    "build_described",
    "cache_folder",
    "check_archive",
    "check_expectations",
    "load_checkpoint",
    "load_into",
    "load_script",
    "load_state_dict",
    "read_metadata",
    "rename_keys",
    "save_half",
    "save_tensors",
    "short_identity",
    "strip_prefix",
    "torchvision_entry",
]
