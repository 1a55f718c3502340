"""The page of `maskreel web` for this part: its command is one that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskreel.animate import web_page
from maskreel.animate.web_page import page
from maskreel.common.cli import main as maskreel
from maskreel.common.web import Order


@pytest.mark.parametrize("background", [None, "background.png"])
def test_every_choice_is_a_flag(background: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"picture": "picture.png", "driving": "driving.mp4"}
    (step,) = page().steps
    chosen = {choice.key: choice.options[-1][0] for choice in page().choices()}
    words = step.command(Order(files | ({"background": background} if background else {}), chosen))
    assert words[2:4] == ["picture.png", "driving.mp4"]
    assert ("-b" in words) == (background is not None)
    with pytest.raises(SystemExit) as caught:  # what is not known would be refused before the help is shown
        maskreel([*words, "--help"])
    assert caught.value.code == 0
    known = capsys.readouterr().out
    for choice in page().choices():
        assert f"--{choice.key}" in known
        assert all(value in known for value, _ in choice.options)


def test_its_stages_are_those_that_are_told() -> None:
    (step,) = page().steps
    package = Path(web_page.__file__).parent
    text = "".join(path.read_text() for path in package.rglob("*.py"))
    assert all(f'watch("{name}"' in text for name in step.stages)
