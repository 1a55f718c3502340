from __future__ import annotations

import tomllib
from pathlib import Path

from maskreel import inversion

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def test_the_installed_version_is_the_one_in_pyproject() -> None:
    assert inversion.__version__ == tomllib.loads(PYPROJECT.read_text())["project"]["version"]
