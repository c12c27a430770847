"""Tables that a person reads, and files that a spreadsheet opens without running them."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondorder_course.report import FORMULA, Report, plain_cell, safe_cell

ROWS = (
    ("a.ipynb", "fine"),
    ("=cmd|' /C calc'!A0", 'says "no", twice\nand more'),
    ("陳.txt", "odd"),
)
REPORT = Report("Three files.", ("file", "what"), ROWS, ("A note.",), frozenset({0}))


def test_the_text_shows_what_is_odd() -> None:
    assert REPORT.text().splitlines() == [
        "Three files.",
        "  file                what",
        "  =cmd|' /C calc'!A0  says \"no\", twice?and more",
        "  陳.txt              odd",
        "1 more row without anything to look at.",
        "A note.",
    ]
    assert "a.ipynb" in REPORT.text(everything=True)
    assert str(REPORT) == REPORT.text()


def test_the_text_cannot_move_the_cursor() -> None:
    text = Report("x\x1b[2J", ("a",), (("\x1b]0;hi\x07\u202e\n",),)).text()
    assert text.splitlines() == ["x?[2J", "  a", "  ?]0;hi???"]


def test_long_cells_keep_their_end() -> None:
    text = Report("", ("a", "b"), ((f"{'x' * 200}.ipynb", "y" * 200),)).text()
    assert "….ipynb".replace("…", "…" + "x" * 14) in text and "y" * 200 in text


def test_columns_for_the_file_only() -> None:
    report = Report("", ("a", "b"), (("1", "2"),), csv_only=frozenset({"b"}))
    assert report.text() == "\n  a\n  1"


def test_the_csv_is_quoted_and_safe(tmp_path: Path) -> None:
    REPORT.write_csv(tmp_path / "report.csv")
    raw = (tmp_path / "report.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")  # Excel takes it for Windows-1252 otherwise
    with (tmp_path / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        back = list(csv.reader(file))
    assert back[0] == ["file", "what"]
    assert back[2] == ["'=cmd|' /C calc'!A0", 'says "no", twice\nand more']


@given(st.text())
def test_no_cell_is_a_formula_and_none_is_lost(text: str) -> None:
    assert not safe_cell(text).lstrip(" ").startswith(FORMULA)
    if "\0" not in text and not text.startswith("'"):
        assert plain_cell(safe_cell(text)) == text


def test_rows_must_fit() -> None:
    with pytest.raises(ValueError, match="has 1 cells for 2 columns"):
        Report("", ("a", "b"), (("1",),))  # type: ignore[arg-type]
