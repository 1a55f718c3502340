"""Nothing is used whose licence nobody has looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import licences
import pytest

if TYPE_CHECKING:
    from pathlib import Path


def test_everything_has_an_entry_and_the_document_is_up_to_date() -> None:
    assert licences.faults() == []
    assert licences.DOCUMENT.read_text() == licences.document(), "run python tools/licences.py"


def test_a_new_dependency_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tuple(entry for entry in licences.DEPENDENCIES if entry.name != "tqdm")
    monkeypatch.setattr(licences, "DEPENDENCIES", kept)
    assert licences.faults() == ["tqdm is declared by common, but licence_facts.py has no entry for it"]


def test_an_entry_in_vain_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(licences, "declared", dict)
    assert "licence_facts.py has av, which no package declares" in licences.faults()


def test_new_published_weights_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tuple(entry for entry in licences.PUBLISHED if "VGG" not in entry.name)
    monkeypatch.setattr(licences, "PUBLISHED", kept)
    assert licences.faults() == [
        "common/_vgg_weights.py names published weights, but no entry of licence_facts.py does"
    ]


def test_new_shipped_weights_and_lost_files_are_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(licences, "OWN", licences.OWN[1:])
    first = replace(licences.PUBLISHED[0], code=(*licences.PUBLISHED[0].code, "vfp/_gone.py"))
    monkeypatch.setattr(licences, "PUBLISHED", (first, *licences.PUBLISHED[1:]))
    gone, shipped = licences.faults()
    assert gone == "licence_facts.py names vfp/_gone.py, which is not there"
    assert shipped == "animate/tiny.safetensors is shipped, but licence_facts.py has no entry for it"


def test_another_licence_of_an_installed_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(licences, "installed_licence", lambda name: "Proprietary" if name == "tqdm" else None)
    assert [line.split(":")[0] for line in licences.changes()] == [
        "tqdm says of its licence 'Proprietary', not 'MPL-2.0 AND MIT'"
    ]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("License-Expression: MIT\nLicense: Other", "MIT"),
        ("Classifier: License :: OSI Approved :: BSD License\nLicense: long text", "BSD License"),
        ("License: BSD\n", "BSD"),
        ("Summary: nothing", None),
    ],
)
def test_the_licence_is_read_wherever_a_package_tells_it(
    told: str, expected: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "thing-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n{told}\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert licences.installed_licence("thing") == expected
    assert licences.installed_licence("no-such-package") is None
