"""Published claims: rows that say too little are refused, verdicts computed, lines read back."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondorder import published
from secondorder.published import Line, Row

ENTRY = {
    "source": '"goh2017"',
    "place": '"Choosing a step-size"',
    "read": "true",
    "claim": '"The best step is 2/(λ₁ + λₙ)."',
    "published": '"1.98"',
    "expect": "[1.97, 1.99]",
    "tolerance": '"±0.01"',
    "setting": '"eigenvalues 0.01, 0.1, 1"',
    "verdict": '"holds"',
}
FAILS = {
    "verdict": '"did not reproduce here"',
    "why": '"another line search"',
    "otherwise": "[3, 4]",
}
SOME = FAILS | {"verdict": '"holds under conditions"', "otherwise": "{ wide = [3, 4] }"}


def toml(name: str = "goh", **changes: str | None) -> str:
    """A row as TOML: ENTRY with some entries changed, or left out where they are None."""
    entries = {key: value for key, value in (ENTRY | changes).items() if value is not None}
    return "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in entries.items())])


def row(**changes: str | None) -> Row:
    return published.read(toml(**changes), "04_step_size")[0]


# ---- rows


def test_a_row_says_all_it_must() -> None:
    one = row()
    assert (one.name, one.chapter, one.source) == ("goh", "04_step_size", "goh2017")
    assert one.expect == (1.97, 1.99)
    assert (one.judged, one.digits, one.why, one.otherwise) == ("every", 4, "", {})
    assert row(expect="[2, inf]").expect == (2, math.inf)
    assert row(**FAILS).otherwise == {"": (3, 4)}
    assert row(**SOME).otherwise == {"wide": (3, 4)}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": None}, "row 'goh' is not complete.*source"),
        ({"read": None}, "row 'goh' is not complete.*read"),
        ({"colour": '"red"'}, r"row 'goh' has \['colour'\]: its entries are .*'claim'"),
        ({"expect": None}, r"goh: expect must be a pair \[low, high\], got None"),
        ({"expect": "1.98"}, r"goh: expect must be a pair \[low, high\]"),
        ({"expect": "[1.97]"}, r"goh: expect must be a pair \[low, high\]"),
        ({"expect": "[1, 2, 3]"}, r"goh: expect must be a pair \[low, high\]"),
        ({"expect": '["low", "high"]'}, r"goh: expect must be a pair \[low, high\]"),
        ({"expect": "[2, 1]"}, "goh: expect must have low < high"),
        ({"expect": "[1, 1]"}, "goh: expect must have low < high"),
        ({"expect": "[nan, 1]"}, "goh: expect must have low < high"),
        ({"verdict": '"maybe"'}, "row 'goh': verdict must be one of .*'holds'.*got 'maybe'"),
        ({"judged": '"mean"'}, "row 'goh': judged must be one of .*'median'.*got 'mean'"),
        ({"digits": "5"}, "row 'goh': digits must be at most 4, got 5"),
        ({"digits": "0"}, "row 'goh': digits"),
        ({"digits": "2.5"}, "row 'goh': digits"),
        ({"read": '"true"'}, "row 'goh': read must be a bool, got 'true'"),
        ({"published": "38"}, "row 'goh': published must be a str, got 38"),
        ({"claim": '"two\\nlines"'}, "row 'goh': claim must be one line"),
        ({"read": "false"}, "row 'goh': its source was not read, so `through` must say what was"),
        (FAILS | {"why": None}, "row 'goh' does not simply hold: `why` must explain it"),
        (FAILS | {"otherwise": None}, "row 'goh': `otherwise` is for what does not hold"),
        ({"otherwise": "[3, 4]"}, "row 'goh': `otherwise` is for what does not hold"),
        (FAILS | {"otherwise": "[4, 3]"}, "goh: otherwise must have low < high"),
        (SOME | {"otherwise": "{ wide = 3 }"}, r"goh: otherwise must be a pair \[low, high\]"),
    ],
)
def test_a_row_that_says_too_little_is_refused(changes: dict[str, str | None], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        row(**changes)


@pytest.mark.parametrize("name", ["Goh", "goh_best", '"goh best"', '""'])
def test_a_name_is_small_letters_and_hyphens(name: str) -> None:
    with pytest.raises(ValueError, match="a row's name has small letters, digits and hyphens"):
        published.read(toml(name), "04_step_size")


def test_what_is_no_toml_names_the_file() -> None:
    with pytest.raises(ValueError, match=r"04_step_size\.toml: .*\(at "):
        published.read("[goh", "04_step_size")
    with pytest.raises(ValueError, match=r"04_step_size\.toml has \['source'\] outside of a row"):
        published.read('source = "goh2017"\n', "04_step_size")


def test_the_rows_come_in_the_order_of_the_chapters() -> None:
    rows = published.rows()
    chapters = [one.chapter for one in rows.values()]
    assert chapters == sorted(chapters)
    assert all(name == one.name for name, one in rows.items())
    rows.clear()  # a copy
    assert published.rows()


def test_two_rows_with_one_name(tmp_path, monkeypatch) -> None:
    for chapter in ("04_step_size", "09_momentum"):
        (tmp_path / f"{chapter}.toml").write_text(toml(), encoding="utf-8")
    monkeypatch.setattr(published, "files", lambda package: tmp_path)
    with pytest.raises(ValueError, match=r"two rows have the name 'goh': 09_momentum\.toml"):
        published._rows.__wrapped__()


# ---- compare


def test_compare_prints_one_line_a_case(capsys: pytest.CaptureFixture[str]) -> None:
    name = "goh-best-rate"
    published.compare(name, 0.9802)
    printed = capsys.readouterr().out
    line = Line.parse(printed)
    assert line == Line(name, "", 0.9802, 0.9802, 0.9802, 1, True)
    assert printed == f"{name}: published {published.rows()[name].published}, ours 0.9802: holds\n"


def test_an_unknown_row_names_the_likely_ones_or_lists_all() -> None:
    with pytest.raises(ValueError, match=r"no row 'goh-bets-rate': did you mean goh-best-rate"):
        published.compare("goh-bets-rate", 1.0)
    with pytest.raises(ValueError, match=r"no row \['x'\]: the rows are .*goh-best-rate"):
        published.compare(["x"], 1.0)  # type: ignore[arg-type]


def test_one_run_several_runs_and_cases() -> None:
    assert published.judge(row(), 1.981) == ["goh: published 1.98, ours 1.981: holds"]
    assert published.judge(row(digits="3"), [1.972, 1.98, 1.988]) == [
        "goh: published 1.98, ours 1.98 (1.97 to 1.99, 3 runs): holds"
    ]
    assert published.judge(row(), {"flat": 1.98, "steep": np.array([1.98, 1.985])}) == [
        "goh [flat]: published 1.98, ours 1.98: holds",
        "goh [steep]: published 1.98, ours 1.982 (1.98 to 1.985, 2 runs): holds",
    ]
    for counts in (2, [2, 2], (2, 2), np.array([2, 2]), np.int64(2)):
        assert "ours 2" in published.judge(row(expect="[1, 3]"), counts)[0]
    assert published.judge(row(), [1.98]) == ["goh: published 1.98, ours 1.98: holds"]


def test_what_does_not_hold_says_so_and_stays_where_it_was() -> None:
    assert published.judge(row(**FAILS), 3.5) == ["goh: published 1.98, ours 3.5: does not hold"]
    assert published.judge(row(**SOME), {"narrow": 1.98, "wide": 3.5}) == [
        "goh [narrow]: published 1.98, ours 1.98: holds",
        "goh [wide]: published 1.98, ours 3.5: does not hold",
    ]


def test_every_run_or_their_median() -> None:
    runs = [1.90, 1.98, 1.985]
    with pytest.raises(AssertionError, match=r"To hold it must lie in \[1\.97, 1\.99\]"):
        published.judge(row(), runs)
    assert published.judge(row(judged='"median"'), runs)[0].endswith(
        "(1.9 to 1.985, 3 runs): holds"
    )


@pytest.mark.parametrize(
    ("changes", "ours", "words"),
    [
        ({}, 2.5, r"goh: published 1\.98, ours 2\.5: does not hold\. To hold it must lie in"),
        ({}, {"a": 1.98, "b": 2.5}, r"goh \[b\]: .* does not hold\. To hold it must lie in"),
        (FAILS, 5.0, r"does not hold\. Before, it lay in \[3\.0, 4\.0\]"),
        (FAILS, 1.98, "So it holds; the row says: did not reproduce here"),
        (SOME, {"wide": 3.5}, "So it did not reproduce here; the row says: holds under conditions"),
        (SOME, {"wide": 1.98, "narrow": 1.98}, "So it holds; the row says: holds under conditions"),
        (SOME, {"wide": 3.5, "narrow": 3.5}, r"goh \[narrow\].*To hold it must lie in"),
    ],
)
def test_a_number_that_moved_fails(changes: dict, ours: object, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        published.judge(row(**changes), ours)


@pytest.mark.parametrize(
    ("changes", "ours", "words"),
    [
        ({}, math.nan, "goh: ours"),
        ({}, math.inf, "goh: ours"),
        ({}, [1.98, math.nan], "goh: ours"),
        ({}, "1.98", "goh: ours"),
        ({}, None, "goh: ours"),
        ({}, 1.98 + 0j, "goh: ours"),
        ({}, [True, False], "goh: ours"),
        ({}, [1.98, [1.98]], "goh: ours"),
        ({}, [], "goh: ours must be numbers, one a run"),
        ({}, [[1.98, 1.98]], "goh: ours must be numbers, one a run"),
        ({}, {}, "goh: ours is empty"),
        ({}, {"a": []}, "goh: ours must be numbers, one a run"),
        ({}, {"a]": 1.98}, r"goh: a case must be a name without \], got 'a\]'"),
        ({}, {"a\nb": 1.98}, "goh: a case must be a name without"),
        ({}, {"": 1.98, "a": 1.98}, "goh: a case must be a name without"),
        (SOME, {"narrow": 1.98}, r"goh: no number for \['wide'\], which `otherwise` names"),
        (SOME, 1.98, r"goh: no number for \['wide'\], which `otherwise` names"),
    ],
)
def test_what_is_no_number_is_refused(changes: dict, ours: object, words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        published.judge(row(**changes), ours)


def test_verdicts() -> None:
    assert published.verdict([True]) == "holds"
    assert published.verdict([True, False]) == "holds under conditions"
    assert published.verdict(iter([False, False])) == "did not reproduce here"
    with pytest.raises(ValueError, match="inside is empty"):
        published.verdict([])


# ---- lines that come back


@given(
    st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=6),
    st.integers(1, 4),
    st.text(
        st.characters(exclude_characters="]\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=8
    ),
)
def test_a_line_comes_back_as_it_was_printed(runs: list[float], digits: int, case: str) -> None:
    one = row(expect="[-2e12, 2e12]", digits=str(digits))
    (text,) = published.judge(one, {case.strip(): runs} if case.strip() else runs)
    line = Line.parse(text)
    assert line is not None
    assert (line.name, line.case, line.runs, line.holds) == ("goh", case.strip(), len(runs), True)
    for printed, true in (
        (line.ours, np.median(runs)),
        (line.low, min(runs)),
        (line.high, max(runs)),
    ):
        assert printed == float(f"{true:.{digits}g}")


@pytest.mark.parametrize(
    "text",
    ["", "best step: 1.98", "goh: published 1.98, ours 1.98", "goh: published 1.98, ours x: maybe"],
)
def test_any_other_text_is_no_line(text: str) -> None:
    assert Line.parse(text) is None


def test_recorded_reads_what_cells_printed() -> None:
    line = "goh: published 1.98, ours 1.98: holds"
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["more\n", f"{line}\n"]},
        {"output_type": "stream", "name": "stderr", "text": f"{line}\n"},
        {"output_type": "display_data", "data": {"text/plain": line}},
    ]
    cells = [
        {"cell_type": "markdown", "id": "a", "source": line},
        {"cell_type": "code", "id": "b", "source": "", "outputs": outputs},
        {"cell_type": "code", "id": "c", "source": "", "outputs": [outputs[0]]},
    ]
    found = published.recorded({"cells": cells})
    assert found == [("b", Line.parse(line)), ("c", Line.parse(line))]


@pytest.mark.parametrize("wrong", [{}, [], "chapters/01_slope.ipynb"])
def test_what_is_no_notebook_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="notebook must be what its file holds, got"):
        published.recorded(wrong)
