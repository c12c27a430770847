"""Exercises J5.x: solutions always pass, plausible slips are named, nothing crashes a check."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import autograd.numpy as np
import nbformat
import pytest

from secondorder import check, gradient, jacobian

CHAPTER = Path(__file__).resolve().parents[2] / "chapters" / "05_many_outputs.ipynb"
IDS = ["J5.1", "J5.2", "J5.3", "J5.4"]
SEEDS = 300


def cells(tag: str | None = None) -> list[str]:
    nb = nbformat.read(CHAPTER, as_version=4)
    code = [c for c in nb.cells if c.cell_type == "code"]
    return [c.source for c in code if tag is None or tag in c.metadata.get("tags", [])]


def solution(name: str) -> Callable[..., Any]:
    """The solution as the chapter prints it, without its own call of the check."""
    (source,) = [s for s in cells("solution") if f"def {name}_solution" in s]
    space: dict[str, Any] = {"np": np, "jacobian": jacobian}
    exec(re.sub(rf"^check\.{name}\(.*$", "", source, flags=re.MULTILINE), space)
    return space[f"{name}_solution"]


def stub(name: str) -> Callable[..., Any]:
    calls = [s for s in cells() if s.startswith(f"check.{name}(") and "# stuck?" in s]
    reader = re.match(rf"check\.{name}\((\w+)\)", calls[0])[1]  # type: ignore[index]
    (source,) = [s for s in cells() if f"def {reader}(" in s and "# your code here" in s]
    space: dict[str, Any] = {}
    exec(source, space)
    return space[reader]


def softmax(z: Any) -> Any:
    e = np.exp(z - np.max(z))
    return e / np.sum(e)


def verdict(id: str, answer: Any, seed: int = 0) -> Any:
    return getattr(check, id.replace(".", "_"))(answer, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("id", IDS)
def test_the_solution_is_right_for_every_seed(id: str) -> None:
    answer = solution(id.replace(".", "_"))
    bad = [(seed, v) for seed in range(SEEDS) if not (v := verdict(id, answer, seed)).ok]
    assert not bad


def by_differences(f: Any, x: Any) -> Any:
    return np.array([(f(x + e) - f(x - e)) / 2e-6 for e in 1e-6 * np.eye(x.size)]).T


def squares(r: Any) -> Any:
    return lambda z: 0.5 * np.sum(r(z) ** 2)


OTHER_RIGHT = [
    ("J5.1", lambda z: [[1, 0], [z[1], z[0]], [1, -1]]),
    ("J5.1", lambda z: jacobian(lambda t: np.array([t[0] + 1, t[0] * t[1], t[0] - t[1]]), z)),
    ("J5.2", lambda f, g, x: by_differences(f, g(x)) @ by_differences(g, x)),
    ("J5.2", lambda f, g, x: jacobian(lambda z: f(g(z)), x)),
    ("J5.3", lambda r, x: gradient(squares(r), x)),
    ("J5.3", lambda r, x: by_differences(squares(r), x)),
    ("J5.3", lambda r, x: (r(x)[None] @ jacobian(r, x)).ravel()),
    ("J5.4", lambda z: jacobian(softmax, z)),
    ("J5.4", lambda z: by_differences(softmax, z)),
]


@pytest.mark.parametrize(("id", "answer"), OTHER_RIGHT)
def test_other_right_answers_are_right(id: str, answer: Any) -> None:
    bad = [(seed, v) for seed in range(SEEDS // 5) if not (v := verdict(id, answer, seed)).ok]
    assert not bad


def rows(*table: Any) -> Any:
    return lambda z: np.array([[eval(e, {"x": z[0], "y": z[1]}) for e in row] for row in table])


def naive_softmax(z: Any) -> Any:
    return np.exp(z) / np.sum(np.exp(z))


def no_shift(z: Any) -> Any:
    p = naive_softmax(z)
    return np.diag(p) - np.outer(p, p)


def of_p(table: Any) -> Any:
    return lambda z: table(softmax(z))


def rank_one(p: Any) -> Any:
    """Symmetric, rows sum to 0, the right trace, no negative eigenvalue: and still not it."""
    v = np.zeros(p.size)
    v[0], v[1] = 1.0, -1.0
    return np.outer(v, v) * (1 - p @ p) / 2


WRONG = [
    ("J5.1", rows(["1", "y", "1"], ["0", "x", "-1"]), "transposed"),
    ("J5.1", rows(["1", "0"], ["x", "y"], ["1", "-1"]), "output xy is off"),
    ("J5.1", rows(["1", "0"], ["x", "y"], ["1", "-1"]), "entries are swapped"),
    ("J5.1", rows(["1", "0"], ["y", "x"], ["-1", "1"]), "sign is flipped"),
    ("J5.1", rows(["1", "0"], ["y", "x"], ["1", "1"]), "output x − y is off"),
    ("J5.1", rows(["1", "1"], ["y", "x"], ["1", "-1"]), "when only y moves"),
    ("J5.1", rows(["1", "0"], ["5", "2"], ["1", "-1"]), "output xy is off"),
    ("J5.1", rows(["1", "0"], ["y", "x"]), "wanted shape (3, 2)"),
    ("J5.1", lambda z: np.array([z[0] + 1, z[0] * z[1], z[0] - z[1]]), "wanted shape (3, 2)"),
    ("J5.2", lambda f, g, x: jacobian(g, x) @ jacobian(f, g(x)), "wrong order"),
    ("J5.2", lambda f, g, x: jacobian(f, x) @ jacobian(g, x), "wrong point"),
    ("J5.2", lambda f, g, x: jacobian(g, x) @ jacobian(f, x), "wrong order"),
    ("J5.2", lambda f, g, x: jacobian(f, g(x)) * jacobian(g, x), "entry by entry"),
    ("J5.2", lambda f, g, x: jacobian(f, g(x)), "one of the two maps only"),
    ("J5.2", lambda f, g, x: jacobian(lambda z: g(f(z)), x), "g after f"),
    ("J5.2", lambda f, g, x: (jacobian(f, g(x)) @ jacobian(g, x)).T, "transposed"),
    ("J5.2", lambda f, g, x: f(g(x)), "shape"),
    ("J5.3", lambda r, x: 2 * gradient(squares(r), x), "twice what it should be"),
    ("J5.3", lambda r, x: -gradient(squares(r), x), "sign is flipped"),
    ("J5.3", lambda r, x: r(x)[None] @ jacobian(r, x), "transpose and ravel"),
    ("J5.3", lambda r, x: jacobian(r, x) @ r(x), "weights its own row"),
    ("J5.3", lambda r, x: np.sum(jacobian(r, x), axis=0), "You add the rows"),
    ("J5.3", jacobian, "one row for every error"),
    ("J5.3", lambda r, x: r(x), "How do the errors answer"),
    ("J5.3", lambda r, x: squares(r)(x), "shape"),
    ("J5.4", of_p(lambda p: np.outer(p, p) - np.diag(p)), "sign is flipped"),
    ("J5.4", of_p(lambda p: np.diag(p * (1 - p))), "zeros off the diagonal"),
    ("J5.4", of_p(np.diag), "zeros off the diagonal"),
    ("J5.4", of_p(lambda p: -np.outer(p, p)), "rows sum to 0"),
    ("J5.4", of_p(lambda p: np.diag(p) + np.outer(p, p)), "rows sum to 0"),
    ("J5.4", of_p(lambda p: np.diag(p) - p), "not symmetric"),
    ("J5.4", of_p(lambda p: 2 * (np.diag(p) - np.outer(p, p))), "trace"),
    ("J5.4", of_p(rank_one), "is off"),
    ("J5.4", softmax, "wanted shape"),
    ("J5.4", no_shift, "too big for a float"),
]


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
@pytest.mark.parametrize(("id", "answer", "fragment"), WRONG)
def test_a_plausible_slip_is_named(id: str, answer: Any, fragment: str) -> None:
    for seed in range(25):
        got = verdict(id, answer, seed)
        assert got.status == "wrong"
        assert fragment in got.message


@pytest.mark.parametrize("id", IDS)
def test_an_untouched_stub_is_not_written_yet(id: str) -> None:
    assert verdict(id, stub(id.replace(".", "_"))).status == "not written yet"
    assert verdict(id, ...).status == "not written yet"


def raises(*_: Any) -> Any:
    raise RuntimeError("no")


RETURNS = [None, "abc", np.nan, np.inf, 0.0, 1.0, True, 1j, [], {}, object(), [[1.0], [1.0, 2.0]]]
RETURNS += [np.zeros(17), np.full(2, np.nan), np.ones((2, 2)), np.zeros((3, 2)), np.zeros((3, 3))]
GARBAGE = [None, "abc", 3.0, [], {}, object(), lambda: 1.0, lambda a, b, c, d, e: 1.0, raises]
GARBAGE += [lambda *_, value=value: value for value in RETURNS]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_never_right_and_never_crashes(id: str, garbage: Any) -> None:
    got = verdict(id, garbage)
    assert got.status == "wrong"
    assert got.message


@pytest.mark.parametrize("id", IDS)
def test_three_hints(id: str, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2, 3, 3):
        getattr(check, id.replace(".", "_")).hint()
        assert f"Hint {number} of 3" in capsys.readouterr().out
