"""`maskreel inversion`: its verbs, their flags, and that help comes at once."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import pytest

from maskreel.common.errors import InputError
from maskreel.inversion.cli import main
from maskreel.inversion.settings import AugmentSettings, MaskRCNNSettings, StatisticsSettings


def help_of(*argv: str, capsys: pytest.CaptureFixture[str]) -> str:
    with suppress(SystemExit):  # tyro's way
        assert main([*argv, "--help"], prog="maskreel inversion") == 0
    return capsys.readouterr().out


def test_help_names_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys=capsys)
    for verb in ("run", "doctor", "report", "export"):
        assert f"\n  {verb} " in text
    with pytest.raises(InputError, match="maskreel inversion has no command 'rnu'"):
        main(["rnu"], prog="maskreel inversion")


def test_help_of_run_names_its_flags(capsys: pytest.CaptureFixture[str]) -> None:
    words = help_of("run", capsys=capsys).replace(",", " ").split()
    thesis = ["--nr-epochs", "--lr", "--var-l2", "--var-l1", "--l2-norm", "--bn"]
    own = ["--davis", "--sequence", "--first-frames", "--preset", "--dry-run", "--overwrite", "--workers", "--slurm"]
    weights = ["--mask-weight", "--class-weight", "--statistics-weight", "--tv-l1", "--tv-l2", "--temporal-weight"]
    statistics = ["form", "norm", "first-multiplier", "variance-weight", "per-image", "first", "share", "layers"]
    rooms = [*(f"--bn-{name}" for name in statistics), "--mask-targets", "--jitter", "--tiles", "--per-frame"]
    assert [flag for flag in (*thesis, *own, *weights, *rooms) if flag not in words] == []
    assert [flag for flag in ("--form", "--first", "--share", "--names", "--targets", "--norm") if flag in words] == []


@pytest.mark.parametrize(
    ("argv", "lr"),
    [
        (("--preset", "thesis"), "(default: 0.1)"),
        (("--preset=thesis",), "(default: 0.1)"),
    ],
)
def test_a_preset_changes_the_defaults(argv: tuple[str, ...], lr: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(help_of("run", *argv, capsys=capsys).replace("│", " ").split())
    assert f"Learning rate of Adam. {lr}" in text
    assert "2000)" in text
    other = " ".join(help_of("run", *argv, "--preset", "default", capsys=capsys).replace("│", " ").split())
    assert argv[0] == "--preset=thesis" or "2000)" not in other


def test_an_unknown_preset_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["run", "masks", "-o", "out", "--preset", "synthesis"], prog="maskreel inversion")
    assert "--preset" in capsys.readouterr().err


def test_help_does_not_wait_for_torch() -> None:
    code = """
import sys
from maskreel.inversion.cli import main
try:
    main(["run", "--preset", "thesis", "--help"], prog="x")
except SystemExit:
    pass
assert "torch" not in sys.modules, "torch"
assert "numpy" not in sys.modules or "cv2" not in sys.modules, "cv2"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--nr-epochs" in done.stdout


def test_rooms_share_the_settings() -> None:
    from maskreel.inversion import augment, statistics, teachers

    assert augment.AugmentSettings is AugmentSettings
    assert statistics.StatisticsSettings is StatisticsSettings
    assert teachers.MaskRCNNSettings is MaskRCNNSettings
