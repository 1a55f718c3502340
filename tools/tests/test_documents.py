"""Every command in the documents is known to its program, every link leads somewhere, every snippet runs."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from documents.inputs import furnish
from documents.markdown import ROOT, anchors, blocks, commands, documents, links
from documents.not_run import NOT_RUN, RUN_ELSEWHERE, SHORTENED, reason_not_to_run, shortened
from documents.parse import UnknownError, maskreel_words, parse

from maskreel.common.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

LANGUAGES = {"sh", "python", "bibtex", "text"}
PICTURE_BYTES = 400_000
NAMES = [str(path.relative_to(ROOT)) for path in documents()]
every_document = pytest.mark.parametrize("name", NAMES)


def shell(text: str) -> list[list[str]]:
    return [words for block in blocks(text) if block.language == "sh" for words in commands(block.text)]


def all_maskreel_lines() -> list[str]:
    found = [maskreel_words(words) for name in NAMES for words in shell((ROOT / name).read_text())]
    return [" ".join(words) for words in found if words is not None]


@every_document
def test_every_command_is_known_to_its_program(name: str) -> None:
    faults = []
    for words in shell((ROOT / name).read_text()):
        try:
            parse(words)
        except UnknownError as error:
            faults.append(f"{' '.join(words)}\n    {error}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("maskreel inpaint run a.mp4 --no-such-flag", "no-such-flag"),
        ("maskreel inpaint run a.mp4 --mode sideways", "sideways"),
        ("maskreel inpaint paint a.mp4", "no command 'paint'"),
        ("maskreel world render moon -o x", "no command 'moon'"),
        ("maskreel vfp forecast", "INPUT|required"),
        ("python -m nox -s dance", "no session 'dance'"),
        ("python -m pip install ./packages/nothing", "no package"),
        ("python -m pip install './packages/vfp[magic]'", "no extra magic"),
        ("python -m pip install 'maskreel-vfp[magic]'", "no extra magic"),
        ("python -m pip install a==b==c", "a==b==c"),
        ("python tools/nothing.py", "no tools/nothing.py"),
        ("python tools/pictures.py --no-such-flag", "has no --no-such-flag"),
        ("torchrun --no-such-flag -m maskreel.common.cli vfp train DATA -o RUN", "no-such-flag"),
        ("torchrun -m maskreel.common.cli vfp train DATA -o RUN --no-such-flag", "no-such-flag"),
        ("sbatch tools/slurm/nothing.sbatch vfp train", "no tools/slurm/nothing.sbatch"),
        ("sbatch tools/slurm/train.sbatch vfp train DATA -o RUN --no-such-flag", "no-such-flag"),
        ("tools/slurm/local_cluster.sh sideways DIR", "no command 'sideways'"),
        ("frobnicate now", "nobody knows"),
    ],
)
def test_what_a_program_would_refuse_is_a_fault(line: str, fault: str) -> None:
    [words] = commands(line)
    with pytest.raises(UnknownError, match=fault):
        parse(words)


def test_commands_are_cut_as_a_shell_cuts_them() -> None:
    block = "a b \\\n    -c 'd e'   # told\n# nothing\nX=1 f && g\n"
    assert commands(block) == [["a", "b", "-c", "d e"], ["X=1", "f"], ["g"]]


def test_parsing_calls_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    parse(["maskreel", "world", "show", "table", "-o", "table.png"])
    assert not list(tmp_path.iterdir())


@every_document
def test_links_and_pictures_exist(name: str) -> None:
    document = ROOT / name
    for link in links(document.read_text()):
        if re.match(r"(https?|mailto):", link):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(target.read_text()), f"{link}: {target.name} has no such heading"
        if target.suffix in (".png", ".jpg", ".gif", ".webp"):
            assert target.stat().st_size <= PICTURE_BYTES, f"{link} is larger than {PICTURE_BYTES // 1000} kB"


@every_document
def test_blocks_say_what_they_are(name: str) -> None:
    text = (ROOT / name).read_text()
    assert {block.language for block in blocks(text)} <= LANGUAGES
    assert text.count("```") == 2 * len(blocks(text)), "a block that is indented is not seen by these tests"


def test_the_index_names_every_document() -> None:
    known = {Path(link).name for link in links((ROOT / "docs" / "README.md").read_text())}
    assert {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"} <= known


def test_the_lists_of_exceptions_hold_nothing_in_vain() -> None:
    lines = all_maskreel_lines()
    for entry in (*NOT_RUN, *SHORTENED):
        assert any(re.match(entry.pattern, line) for line in lines), f"no command matches {entry.pattern}"
    assert all(len(entry.reason) > 20 for entry in NOT_RUN)
    assert all((ROOT / name).is_file() and (ROOT / test).is_file() for name, test in RUN_ELSEWHERE.items())


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    furnish(folder)
    return folder


@pytest.fixture
def workplace(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The present folder, with all inputs; modules that a document has written there are forgotten afterwards."""
    shutil.copytree(inputs, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in RUN_ELSEWHERE])
def test_what_a_document_shows_works(name: str, workplace: Path) -> None:
    """From top to bottom, in one folder; a snippet that begins with `# name.py` is saved under that name, too."""
    for block in blocks((ROOT / name).read_text()):
        if block.language == "python":
            run_snippet(block.text, f"{name}:{block.line}")
        elif block.language == "sh":
            for words in commands(block.text):
                run_command(words)


def run_snippet(text: str, place: str) -> None:
    if named := re.match(r"# (\w+\.py)\n", text):
        Path(named[1]).write_text(text)
    exec(compile(text, place, "exec"), {"__name__": "__main__"})


def run_command(words: list[str]) -> None:
    ours = maskreel_words(words)
    if ours is None or reason_not_to_run(ours):
        return
    assert main(["-q", *shortened(ours)]) in (0, None), " ".join(words)
