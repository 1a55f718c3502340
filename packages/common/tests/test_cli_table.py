"""Tables for a terminal."""

from __future__ import annotations

import pytest

from maskreel.common.cli import plain_table


def test_the_first_column_is_words_and_the_others_are_numbers() -> None:
    rows = [("long", "1"), ("x", "200")]
    assert plain_table(("a", "bc"), rows) == "a      bc\nlong    1\nx     200\n"
    assert plain_table(("a", "bc"), []) == "a  bc\n"


def test_columns_of_words_stand_at_the_left_and_no_line_ends_in_spaces() -> None:
    rows = [("conv1", "3", "stale"), ("fc", "64", "")]
    table = plain_table(("layer", "channels", "remark"), rows, left=(0, 2))
    assert table == "layer  channels  remark\nconv1         3  stale\nfc           64\n"


def test_every_row_has_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        plain_table(("a", "b"), [("one",)])
