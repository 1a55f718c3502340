"""The `maskreel` command: finding parts, verbs made of functions and dataclasses, exit codes, progress, messages."""

from __future__ import annotations

import errno
import importlib
import io
import logging
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from tyro.conf import Positional  # noqa: TC002 (tyro reads the annotations at run time)

from maskreel.common.cli import main, progress, run_subcommands
from maskreel.common.cli._logging import set_up_logging, take_verbosity
from maskreel.common.cli._main import _summary
from maskreel.common.cli._outcome import exit_code
from maskreel.common.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable

TOY_PART = """'''`maskreel toy`: plays around,
with blocks. More about it.

And more.
'''
import sys
def main(argv, *, prog):
    sys.stdout.write(f"{prog}: {argv}\\n")
    return 7
"""


@pytest.fixture
def toy_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed distribution `maskreel-toy` with the part `toy`, as importlib.metadata sees one."""
    info = tmp_path / "maskreel_toy-1.2.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: maskreel-toy\nVersion: 1.2.3\nSummary: A toy box\n")
    (info / "entry_points.txt").write_text("[maskreel.commands]\ntoy = maskreel_toy_part:main\n")
    (tmp_path / "maskreel_toy_part.py").write_text(TOY_PART)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "maskreel_toy_part", raising=False)
    return tmp_path


def test_help_lists_parts_by_the_docstring_of_their_module(toy_part: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    rows = [line.split(maxsplit=1)[1] for line in text.splitlines() if line.startswith("  toy ")]
    assert rows == ["Plays around, with blocks"]
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("source", [None, "", "x = 1\n"])
def test_help_lists_a_part_that_says_nothing_about_itself(
    toy_part: Path, capsys: pytest.CaptureFixture[str], source: str | None
) -> None:
    module = toy_part / "maskreel_toy_part.py"
    module.unlink() if source is None else module.write_text(source)
    importlib.invalidate_caches()
    assert main(["--help"]) == 0
    assert "\n  toy\n" in capsys.readouterr().out


def test_help_of_the_ground_floor_alone_fits_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("maskreel.common.cli._main._parts", dict)
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert "not installed: animate, inpaint, inversion, vfp\n  python -m pip install maskreel-PART\n" in text
    assert max(map(len, text.splitlines())) <= 80


def test_help_describes_the_world() -> None:
    entry = metadata.EntryPoint("world", "maskreel.common.world.cli:main", "maskreel.commands")
    assert _summary(entry) == "Render clips with exact masks, look at them and measure them"


def test_help_imports_neither_parts_nor_heavy_libraries(toy_part: Path) -> None:
    code = (
        "import sys; from maskreel.common.cli import main; main(['--help'])\n"
        "heavy = {'torch', 'numpy', 'av', 'tyro', 'tqdm', 'cv2', 'PIL', 'maskreel_toy_part', 'maskreel.inpaint'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(toy_part)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert "toy" in run.stdout


def test_the_module_runs_like_the_command() -> None:
    command = [sys.executable, "-m", "maskreel.common.cli", "nonsense"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith("maskreel: error: maskreel has no part 'nonsense'")
    assert run.stderr.count("\n") == 1


def test_version_lists_every_distribution(toy_part: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "maskreel-toy 1.2.3" in lines
    assert any(line.startswith("maskreel-common ") for line in lines)
    assert lines == sorted(lines)


def test_a_part_gets_its_arguments_and_its_exit_code_counts(toy_part: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["toy", "run", "-q", "x.mp4", "--", "-v"]) == 7
    assert capsys.readouterr().out == "maskreel toy: ['run', 'x.mp4', '--', '-v']\n"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["tyo"], "maskreel has no part 'tyo'; did you mean 'toy'?"),
        (["xyz"], "maskreel has no part 'xyz'; it has: "),
        ([], "usage: maskreel "),
    ],
)
def test_what_is_not_there(toy_part: Path, capsys: pytest.CaptureFixture[str], argv: list[str], message: str) -> None:
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_a_part_that_is_not_installed_names_its_pip_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("maskreel.common.cli._main._parts", dict)
    assert main(["inpaint", "run"]) == 2
    expected = "maskreel: error: 'inpaint' is not installed; run: python -m pip install maskreel-inpaint\n"
    assert capsys.readouterr().err == expected


def raising(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (InputError("a.mp4 is empty"), 2, "maskreel: error: a.mp4 is empty\n"),
        (MissingExtraError("submitit", "x[slurm]"), 2, "run: python -m pip install 'x[slurm]'\n"),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "a.mp4"),
            2,
            "a.mp4: no such file or directory\n",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "/o"), 2, "maskreel: error: /o: permission denied\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "maskreel: error: no space left on device\n"),
        (KeyboardInterrupt(), 130, "\nmaskreel: stopped; run the same command again to go on\n"),
    ],
)
def test_what_a_person_can_mend_is_one_sentence(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, message: str
) -> None:
    assert exit_code(raising(error)) == code
    text = capsys.readouterr().err
    assert text.endswith(message)
    assert "Traceback" not in text


@pytest.mark.parametrize("error", [ValueError("x"), OSError(errno.EBADF, "Bad file descriptor"), OSError("odd")])
def test_any_other_error_is_a_bug_and_says_so(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        exit_code(raising(error))
    assert "This is a bug in maskreel" in caught.value.__notes__[0]


def test_verbose_tells_where_a_mistake_was_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(logging.DEBUG)
    assert exit_code(raising(InputError("a.mp4 is empty"))) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_leaves_gets_no_traceback(unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "maskreel.common.cli", "--help"]
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    run = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    os.close(writer)
    assert (run.returncode, run.stderr) == (1, "")


@dataclass(frozen=True)
class Fill:
    """How holes are filled."""

    mode: Literal["auto", "flow"] = "auto"
    """Where pixels come from."""
    dilate_by: int = 4
    # a comment is no help
    """Pixels around every mask."""
    fps: Fraction = Fraction(30000, 1001)
    """Frames per second of the analysis."""
    audio: bool = True
    """Copy the sound."""
    size: tuple[int, int] | None = None
    """Height and width in pixels."""

    def __post_init__(self) -> None:
        if self.dilate_by < 0:
            raise ValueError(f"dilate_by must be 0 or more, got {self.dilate_by}")


CALLS: list[object] = []


def run(video: Positional[Path], config: Fill, *, out: Path | None = None) -> int:
    """Remove people
    from a video.

    More about it, at some length, so that the help page has to wrap this sentence somewhere or be wide.

    Args:
        video: The video to read.
        config: Unused, as its fields are the flags.
        out: Where the result goes.
    """
    CALLS.append((video, config, out))
    return 5


@dataclass(frozen=True)
class Probe:
    """Look at a video."""

    video: Positional[Path]
    """The video to read."""
    frames: int = 3
    """How many frames."""

    def run(self) -> None:
        CALLS.append(self)


VERBS = {"run": run, "probe": Probe}


def call(*argv: str) -> int | None:
    CALLS.clear()
    return run_subcommands(VERBS, argv, "maskreel toy")


def test_a_function_verb_gets_typed_flags() -> None:
    assert call("run", "a.mp4") == 5
    assert [(Path("a.mp4"), Fill(), None)] == CALLS
    flags = "--mode flow --dilate-by 2 --fps 25/2 --no-audio --size 3 4 --out b.mp4"
    assert call("run", "a.mp4", *flags.split()) == 5
    assert [(Path("a.mp4"), Fill("flow", 2, Fraction(25, 2), audio=False, size=(3, 4)), Path("b.mp4"))] == CALLS


def test_a_dataclass_verb_is_built_and_run() -> None:
    assert call("probe", "a.mp4", "--frames", "9") is None
    assert [Probe(Path("a.mp4"), 9)] == CALLS


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("a.mp4 --dilat-by 3", "--dilate-by"),
        ("a.mp4 --fps fast", "fast"),
        ("a.mp4 --fps 1/0", "divides by zero"),
        ("a.mp4 --dilate-by -1", "dilate_by must be 0 or more, got -1"),
        ("a.mp4 --mode magic", "magic"),
        ("", "VIDEO"),
    ],
)
def test_bad_flags_exit_with_2(capsys: pytest.CaptureFixture[str], flags: str, message: str) -> None:
    with pytest.raises(SystemExit) as caught:
        call("run", *flags.split())
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
    assert CALLS == []


def test_help_of_a_verb(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as caught:
        call("run", "--help")
    text = capsys.readouterr().out
    assert caught.value.code == 0
    assert "usage: maskreel toy run [-h] [OPTIONS] VIDEO" in text
    for expected in ("The video to read.", "--dilate-by INT", "Pixels around every mask.", "(default: 30000/1001)"):
        assert expected in text
    assert "comment" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_overview_of_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--help") == 0
    assert "  run    Remove people from a video.\n  probe  Look at a video.\n" in capsys.readouterr().out
    assert call() == 2
    assert "commands:" in capsys.readouterr().err


def test_an_unknown_verb_is_refused() -> None:
    with pytest.raises(InputError, match=r"maskreel toy has no command 'rnu'; did you mean 'run'\?"):
        call("rnu")


@pytest.mark.parametrize(
    ("argv", "kept", "level"),
    [
        (["a", "b"], ["a", "b"], logging.INFO),
        (["a", "-v", "b"], ["a", "b"], logging.DEBUG),
        (["--quiet", "a", "--", "-v"], ["a", "--", "-v"], logging.WARNING),
        (["-q", "a", "--verbose"], ["a"], logging.DEBUG),
    ],
)
def test_verbosity_is_taken_out_of_the_arguments(argv: list[str], kept: list[str], level: int) -> None:
    assert take_verbosity(argv) == (kept, level)


def test_messages_go_to_stderr_by_level(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("maskreel.somewhere")
    for level in (logging.INFO, logging.WARNING):
        set_up_logging(level)
        logger.debug("deep")
        logger.info("plain")
        logger.warning("careful")
    assert capsys.readouterr() == ("", "plain\nmaskreel: warning: careful\nmaskreel: warning: careful\n")


def test_progress_without_a_terminal_is_a_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(logging.INFO)
    assert list(progress(range(500), description="fill")) == list(range(500))
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("fill:   0% 0/500 frames, ")
    assert last.startswith("fill: 100% 500/500 frames, ")
    assert last.endswith("/s, 00:00 left")


def test_progress_of_unknown_length_and_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(logging.INFO)
    assert len(list(progress(iter("abc"), description="read"))) == 3
    assert capsys.readouterr().err.splitlines()[-1].startswith("read: 3 frames in 00:00, ")
    with progress(description="write", total=4, unit="files") as bar:
        bar.update(2)
    assert capsys.readouterr().err.splitlines()[-1].startswith("write:  50% 2/4 files, ")


def test_progress_on_a_terminal_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    set_up_logging(logging.INFO)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    list(progress(range(3), description="fill"))
    assert re.search(r"\rfill: 100% \|#+\| 3/3 frames", terminal.getvalue())


@pytest.mark.parametrize("level", [logging.WARNING, logging.NOTSET], ids=["quiet", "library"])
def test_progress_is_silent_when_nobody_asked_for_it(capsys: pytest.CaptureFixture[str], level: int) -> None:
    logging.getLogger("maskreel").setLevel(level)
    assert len(list(progress(range(3), description="fill"))) == 3
    assert capsys.readouterr().err == ""
