"""Configurations of OpenMMLab: found by name or path, freed of downloads, and built."""

from __future__ import annotations

import difflib
import importlib
import logging
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from maskreel.common.errors import InputError
from maskreel.inpaint.openmmlab._bridge import load_package
from maskreel.inpaint.openmmlab._config_file import read_config_file

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from maskreel.inpaint.openmmlab._bridge import Package

_DOWNLOADS = ("init_cfg", "pretrained")  # first values, from the network


def read_config(package: Package, name: str | os.PathLike[str], short_names: Mapping[str, str]) -> Any:
    """Read a configuration; the file of the user's is read without running anything in it.

    Args:
        package: the package whose configurations go by name.
        name: a short name, the name of a file that the package brings (with or without .py), or a path.
        short_names: short names with the names of files.

    Raises:
        InputError: there is no such configuration, or it cannot be read.
    """
    folder = Path(str(load_package(package).__file__)).parent / ".mim" / "configs"
    path = _config_path(package, folder, name, short_names)
    from mmengine.config import Config

    own = path.resolve().is_relative_to(folder.resolve())  # of the package: as much to be trusted as its code
    config = Config.fromfile(path) if own else Config(read_config_file(path))
    if not isinstance(config.get("model"), dict):
        raise InputError(f"{path} is no configuration of a network: it has no 'model'")
    return config


def build_network(package: Package, model: Any) -> torch.nn.Module:
    """Build the network that `model` of a configuration describes, with first values that are always the same.

    Raises:
        InputError: the description is wrong.
    """
    load_package(package)
    from mmengine.config import ConfigDict

    _check_types(model)
    registry = importlib.import_module(f"{package}.registry").MODELS
    with scope(package), torch.random.fork_rng(devices=[]), _no_messages():
        torch.manual_seed(0)
        try:
            return registry.build(ConfigDict(without_downloads(model))).eval().requires_grad_(False)
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{package} cannot build the network of this configuration: {error}") from error


def _check_types(value: Any) -> None:
    """Refuse names with dots: mmengine imports whatever they name, os.system as well, and calls it."""
    if isinstance(value, dict):
        kind = value.get("type")
        if kind is not None and (not isinstance(kind, str) or "." in kind):
            raise InputError(f"the configuration asks for type {kind!r}, expected the name of a network alone")
    if isinstance(value, (dict, list, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            _check_types(item)


def without_downloads(value: Any) -> Any:
    """A copy of a part of a configuration without first values from files, and with batch norm of one process."""
    if isinstance(value, dict):
        kept = {key: without_downloads(item) for key, item in value.items() if key not in _DOWNLOADS}
        if kept.get("type") in ("SyncBN", "MMSyncBN"):
            kept["type"] = "BN"
        return kept
    if isinstance(value, (list, tuple)):
        return type(value)(without_downloads(item) for item in value)
    return value


@contextmanager
def scope(package: Package) -> Iterator[None]:
    """Names of OpenMMLab mean those of `package` meanwhile."""
    from mmengine.registry import DefaultScope

    with DefaultScope.overwrite_default_scope(package):
        yield


def _config_path(package: Package, folder: Path, name: str | os.PathLike[str], short_names: Mapping[str, str]) -> Path:
    path = Path(name)
    if path.is_file():
        return path
    if path.name != str(name):
        raise InputError(f"{path}: there is no such configuration")
    stem = short_names.get(path.name, path.name.removesuffix(".py"))
    files = {file.stem: file for file in sorted(folder.glob("*/*.py")) if file.parent.name != "_base_"}
    if stem in files:
        return files[stem]
    similar = difflib.get_close_matches(stem, files, n=3, cutoff=0.5)
    names = ", ".join([*short_names, *similar])
    raise InputError(f"config {path.name} is neither a file nor a configuration of {package}; it may be {names}")


@contextmanager
def _no_messages() -> Iterator[None]:
    """Hold back what building says about OpenMMLab's own code: notes on frozen weights, losses, former names."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module=r"mm(cv|engine|flow|seg)\.")
            yield
    finally:
        logging.disable(before)
