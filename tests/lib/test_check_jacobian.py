"""Exercises J5.x: other right answers pass, plausible slips are named."""

from typing import Any

import autograd.numpy as np
import pytest
from exercise_cases import ask, failures

from secondorder import gradient, jacobian

SEEDS = 60


def softmax(z: Any) -> Any:
    e = np.exp(z - np.max(z))
    return e / np.sum(e)


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
    assert failures(id, answer, SEEDS) == []


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
        got = ask(id, answer, seed)
        assert got.status == "wrong"
        assert fragment in got.message
