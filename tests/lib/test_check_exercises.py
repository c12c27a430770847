"""Every exercise of the book: its solution is right, its stub is not written yet, garbage is wrong.

The plausible slips of each exercise, and other right answers, stand in `test_check_<part>.py`.
"""

from __future__ import annotations

from typing import Any

import pytest
from exercise_cases import GARBAGE, ask, failures, solution, stub

from secondorder.check import EXERCISES

SEEDS = 300


@pytest.mark.parametrize("id", EXERCISES)
def test_the_solution_is_right_for_every_seed(id: str) -> None:
    assert failures(id, solution(id), SEEDS) == []


@pytest.mark.parametrize("id", EXERCISES)
def test_an_untouched_stub_is_not_written_yet(id: str) -> None:
    assert ask(id, stub(id)).status == "not written yet"
    assert ask(id, ...).status == "not written yet"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("id", EXERCISES)
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_never_right_and_never_crashes(id: str, garbage: Any) -> None:
    verdict = ask(id, garbage)
    # `lambda *_: None` cannot be told from a stub.
    assert verdict.status == "wrong" or garbage is GARBAGE["returns None"]
    assert not verdict.ok
    assert verdict.message


@pytest.mark.parametrize("id", EXERCISES)
def test_three_hints_without_the_answer(id: str, capsys: pytest.CaptureFixture[str]) -> None:
    exercise = EXERCISES[id]
    assert len(set(exercise.hints)) == 3
    assert not any("return " in h or "lambda" in h or "def " in h for h in exercise.hints)
    first = exercise._given[0]
    for later in range(3):
        exercise.hint()
        assert f"Hint {min(first + later + 1, 3)} of 3" in capsys.readouterr().out
