"""Exercises G3.x: other right answers pass, plausible slips are named."""

from typing import Any

import autograd.numpy as np
import pytest
from exercise_cases import ask, failures

from secondorder import gradient

SEEDS = 60


def forward(f: Any, x: Any, u: Any) -> Any:
    return (f(x + 1e-6 * u) - f(x)) / 1e-6


def turned(f: Any, x: Any) -> Any:
    g = gradient(f, x)
    return np.array([g[1], -g[0]]) / np.sqrt(g @ g)


def by_differences(f: Any, x: Any, s: Any) -> Any:
    X = s * x
    return np.array([(f((X + e) / s) - f((X - e) / s)) / 2e-6 for e in 1e-6 * np.eye(x.size)])


def refuses_late(f: Any, x: Any) -> Any:
    with np.errstate(all="ignore"):
        return gradient(f, x) / np.linalg.norm(gradient(f, x))


OTHER_RIGHT = [
    ("G3.1", forward),
    ("G3.1", lambda f, x, u: gradient(f, x) @ u),
    ("G3.1", lambda f, x, u: (f(x + 1e-4 * u) - f(x)) / 1e-4),
    ("G3.2", refuses_late),
    ("G3.3", turned),
    ("G3.3", lambda f, x: list(turned(f, x))),
    ("G3.4", by_differences),
    ("G3.4", lambda f, x, s: gradient(lambda X: f(X / s), s * x)),
]


@pytest.mark.parametrize(("id", "answer"), OTHER_RIGHT)
def test_other_right_answers_are_right(id: str, answer: Any) -> None:
    assert failures(id, answer, SEEDS) == []


def unit(v: Any) -> Any:
    return v / np.linalg.norm(v)


def no_refusal(f: Any, x: Any) -> Any:
    g = gradient(f, x)
    return g / max(np.linalg.norm(g), 1e-12)


def axis(f: Any, x: Any) -> Any:
    g = gradient(f, x)
    i = np.argmax(np.abs(g))
    return np.sign(g[i]) * np.eye(x.size)[i]


def in_place(f: Any, x: Any, u: Any) -> Any:
    before = f(x)
    x += 1e-4 * u
    return (f(x) - before) / 1e-4


def central(f: Any, x: Any, u: Any, h: float = 1e-6) -> Any:
    return (f(x + h * u) - f(x - h * u)) / (2 * h)


def length(v: Any) -> Any:
    return np.linalg.norm(v)


WRONG = [
    ("G3.1", lambda f, x, u: -central(f, x, u), "sign is flipped"),
    ("G3.1", lambda f, x, u: 2 * central(f, x, u), "twice what it should be"),
    ("G3.1", lambda f, x, u: central(f, x, u) / 2, "half of what it should be"),
    ("G3.1", lambda f, x, u: central(f, x, unit(u)), "You rescale u to length 1"),
    ("G3.1", lambda f, x, u: central(f, x, u) * length(u), "length of u enters twice"),
    ("G3.1", lambda f, x, u: f(x + 1e-6 * u) - f(x), "divided by the step"),
    ("G3.1", lambda f, x, u: central(f, x, unit(gradient(f, x))), "along the gradient"),
    ("G3.1", lambda f, x, u: np.sum(gradient(f, x)), "use u"),
    ("G3.1", lambda f, x, u: f(x + u) - f(x), "you return"),
    ("G3.1", lambda f, x, u: gradient(f, x) * u, "wanted one number"),
    ("G3.1", in_place, "changes its argument"),
    ("G3.2", lambda f, x: -unit(gradient(f, x)), "way down"),
    ("G3.2", gradient, "has length"),
    ("G3.2", no_refusal, "Raise a ValueError"),
    ("G3.2", axis, "among the axes only"),
    ("G3.2", lambda f, x: unit(np.sign(gradient(f, x))), "signs of the partial slopes only"),
    ("G3.2", lambda f, x: unit(gradient(f, x)[::-1]), "tried at"),
    ("G3.2", lambda f, x: np.zeros(x.size), "length 0"),
    ("G3.2", lambda f, x: np.append(unit(gradient(f, x)), 1.0), "wanted shape"),
    ("G3.3", lambda f, x: unit(gradient(f, x)), "straight across"),
    ("G3.3", lambda f, x: unit(gradient(f, x)[::-1]), "half of a quarter turn"),
    ("G3.3", lambda f, x: unit(gradient(f, x) * np.array([1.0, -1.0])), "half of a quarter turn"),
    ("G3.3", lambda f, x: turned(f, x) * length(gradient(f, x)), "has length"),
    ("G3.3", lambda f, x: np.array([1.0, 0.0]), "height changes"),
    ("G3.3", lambda f, x: np.zeros(2), "length 0"),
    ("G3.4", lambda f, x, s: gradient(f, x), "old gradient"),
    ("G3.4", lambda f, x, s: gradient(f, x) * s, "You multiply by s"),
    ("G3.4", lambda f, x, s: gradient(f, x) / s**2, "once too often"),
    ("G3.4", lambda f, x, s: gradient(f, x) / length(s), "entry by entry"),
    ("G3.4", lambda f, x, s: gradient(f, s * x) / s, "another point"),
    ("G3.4", lambda f, x, s: gradient(f, x / s) / s, "another point"),
    ("G3.4", lambda f, x, s: -gradient(f, x) / s, "one slope in both units"),
]


@pytest.mark.parametrize(("id", "answer", "fragment"), WRONG)
def test_a_plausible_slip_is_named(id: str, answer: Any, fragment: str) -> None:
    for seed in range(25):
        got = ask(id, answer, seed)
        assert got.status == "wrong"
        assert fragment in got.message
