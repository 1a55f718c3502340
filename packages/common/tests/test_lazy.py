"""Names that are imported when they are asked for."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE = """
from maskreel.common.lazy import attach
__getattr__ = attach(__name__, {"answer": "deep.thought", "question": "deep.thought"})
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    folder = tmp_path / "hitchhiker"
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text(PACKAGE)
    (folder / "deep/__init__.py").write_text("")
    (folder / "deep/thought.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "hitchhiker"
    for name in [name for name in sys.modules if name.split(".")[0] == "hitchhiker"]:
        del sys.modules[name]


def test_a_module_is_imported_with_its_first_name(package: str) -> None:
    module = import_module(package)
    assert "hitchhiker.deep.thought" not in sys.modules
    assert module.answer == 42
    assert "hitchhiker.deep.thought" in sys.modules


def test_names_that_are_not_there_are_refused(package: str) -> None:
    module = import_module(package)
    with pytest.raises(AttributeError, match=r"module 'hitchhiker' has no attribute 'towel'"):
        _ = module.towel
    with pytest.raises(AttributeError, match="question"):
        _ = module.question
    assert not hasattr(module, "towel")


def test_the_helper_itself_is_light() -> None:
    code = "import sys, maskreel.common.lazy; print('torch' in sys.modules or 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
