"""Exercises D1.x and D2.x: other right answers pass, plausible slips are named."""

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import pytest
from exercise_cases import ask, solution

from secondorder import derivative

SEEDS = 100
EPS = float(np.finfo(float).eps)


# ── right answers ─────────────────────────────────────────────────────────────────────────────────


def forward_line(f: Any, x0: Any, x: Any) -> Any:
    return f(x0) + (f(x0 + 1e-7) - f(x0)) / 1e-7 * (x - x0)


def gap(f: Any, x: Any, h: float) -> Any:
    return abs((f(x + h) - 2 * f(x) + f(x - h)) / h)


def persists(f: Any, x: Any) -> bool:
    return bool(gap(f, x, 1e-6) > 0.5 * gap(f, x, 1e-5) and gap(f, x, 1e-6) > 1e-3)


def slope_by_values(f: Any, x: Any, h: float = 1e-4) -> Any:
    return (f(x + h) - f(x - h)) / (2 * h)


def bend_by_values(f: Any, x: Any, h: float = 1e-4) -> Any:
    return (f(x + h) - 2 * f(x) + f(x - h)) / h**2


def parabola_by_values(f: Any, x0: Any, x: Any) -> Any:
    d = x - x0
    return f(x0) + slope_by_values(f, x0) * d + bend_by_values(f, x0) / 2 * d**2


def by_derivatives(f: Any, x: Any) -> str:
    for order in (2, 3, 4):
        value = derivative(f, x, order=order)
        if abs(value) > 1e-6:
            return "neither" if order == 3 else "minimum" if value > 0 else "maximum"
    return "neither"


def none_without_bottom(x: Any, slope: Any, bend: Any) -> Any:
    return x - slope / bend if bend > 0 else None


def newton_by_values(f: Any, x: Any) -> Any:
    return x - slope_by_values(f, x) / bend_by_values(f, x)


OTHER_WAYS = [
    ("D1.1", lambda f, x, h: np.float64((f(x + h) - f(x - h)) / h / 2)),
    ("D1.2", lambda k: 5e-6 / k),
    ("D1.2", lambda k: (3 * EPS) ** (1 / 3) / k),
    ("D1.3", forward_line),
    ("D1.4", persists),
    ("D1.4", lambda f, x: gap(f, x, 1e-8) > 0.01),
    ("D1.4", lambda f, x: np.bool_(gap(f, x, 1e-5) > 0.1)),
    ("D2.1", parabola_by_values),
    ("D2.2", by_derivatives),
    ("D2.2", lambda f, x: solution("D2.2")(f, x).upper() + " "),
    ("D2.3", none_without_bottom),
    ("D2.4", newton_by_values),
]


@pytest.mark.parametrize(("id", "answer"), OTHER_WAYS)
def test_another_right_way_is_right(id: str, answer: Any) -> None:
    assert not [v for seed in range(60) if not (v := ask(id, answer, seed)).ok]


# ── wrong answers ─────────────────────────────────────────────────────────────────────────────────


def slope(f: Any, x: Any) -> Any:
    return derivative(f, x)


def bend(f: Any, x: Any) -> Any:
    return derivative(f, x, order=2)


def newton(x: Any, s: Any, b: Any) -> Any:
    return x - s / b


def refusing(step: Callable[..., Any]) -> Callable[..., Any]:
    """A D2.3 answer that refuses well but steps wrong."""

    def answer(x: Any, s: Any, b: Any) -> Any:
        if b <= 0:
            raise ValueError("no bottom")
        return step(x, s, b)

    return answer


def second_derivative_test(f: Any, x: Any) -> str:
    b = bend(f, x)
    return "minimum" if b > 0 else "maximum" if b < 0 else "neither"


SLIPS = [
    ("D1.1", lambda f, x, h: (f(x + h) - f(x)) / h, "to the right only"),
    ("D1.1", lambda f, x, h: (f(x) - f(x - h)) / h, "to the left only"),
    ("D1.1", lambda f, x, h: (f(x + h) - f(x - h)) / h, "twice"),
    ("D1.1", lambda f, x, h: (f(x + h / 2) - f(x - h / 2)) / (2 * h), "half"),
    ("D1.1", lambda f, x, h: (f(x - h) - f(x + h)) / (2 * h), "sign"),
    ("D1.1", lambda f, x, h: slope(f, x), "do you use the h"),
    ("D1.1", lambda f, x, h: (f(x + h) - f(x - h)) / 2 * h, "The slope of a parabola is off"),
    ("D1.1", lambda f, x, h: (f(x + h / 2) - f(x - h / 2)) / h, "error of a central difference"),
    ("D1.2", lambda k: 1e-15, "too short"),
    ("D1.2", lambda k: 6e-6, "too long"),
    ("D1.2", lambda k: EPS**0.5 / k, "too short"),
    ("D1.2", lambda k: EPS**0.25 / k, "too long"),
    ("D1.2", lambda k: 6e-6 * k, "your h"),
    ("D1.2", lambda k: -6e-6 / k, "positive"),
    ("D1.3", lambda f, a, x: slope(f, a) * (x - a), "f(x0) is missing"),
    ("D1.3", lambda f, a, x: f(a) + slope(f, a) * x, "by x − x0"),
    ("D1.3", lambda f, a, x: f(a) + slope(f, x) * (x - a), "not straight"),
    ("D1.3", lambda f, a, x: f(a) - slope(f, a) * (x - a), "sign"),
    ("D1.3", lambda f, a, x: f(a) + slope(f, a) * (x - a) / 2, "half"),
    ("D1.3", lambda f, a, x: slope(f, a), "return the slope"),
    ("D1.3", lambda f, a, x: f(x), "curve itself"),
    ("D1.3", lambda f, a, x: solution("D2.1")(f, a, x), "not straight"),
    ("D1.3", lambda f, a, x: f(a) + (f(a + 0.3) - f(a)) / 0.3 * (x - a), "slope of your line"),
    ("D1.4", lambda f, x: True, "none"),
    ("D1.4", lambda f, x: False, "miss a kink"),
    ("D1.4", lambda f, x: gap(f, x, 0.1) > 0.1, "smaller h"),
    ("D1.4", lambda f, x: gap(f, x, 1e-15) > 0.1, "kink"),
    ("D1.4", lambda f, x: (f(x + 1e-6) - f(x)) * (f(x) - f(x - 1e-6)) < 0, "steeply"),
    ("D1.4", lambda f, x: gap(f, x, 1e-6) == 0, "miss a kink"),
    ("D1.4", lambda f, x: gap(f, x, 1e-6), "True or False"),
    ("D2.1", lambda f, a, x: f(a) + slope(f, a) * (x - a) + bend(f, a) * (x - a) ** 2, "twice"),
    ("D2.1", lambda f, a, x: f(a) + slope(f, a) * (x - a), "bend"),
    ("D2.1", lambda f, a, x: f(a) + bend(f, a) * (x - a) ** 2 / 2, "slope"),
    ("D2.1", lambda f, a, x: f(a) + slope(f, a) * (x - a) - bend(f, a) * (x - a) ** 2 / 2, "sign"),
    ("D2.1", lambda f, a, x: slope(f, a) * (x - a) + bend(f, a) * (x - a) ** 2 / 2, "missing"),
    ("D2.1", lambda f, a, x: f(a) + slope(f, a) * x + bend(f, a) * x**2 / 2, "x0"),
    ("D2.1", lambda f, a, x: f(x), "curve itself"),
    ("D2.2", second_derivative_test, "f″ = 0"),
    ("D2.2", lambda f, x: "minimum" if bend(f, x) >= 0 else "maximum", "f″ = 0"),
    ("D2.2", lambda f, x: "minimum", "both sides"),
    ("D2.2", lambda f, x: "minimum" if f(x + 0.01) > f(x) else "maximum", "f″ = 0"),
    ("D2.2", lambda f, x: "min", "one of the words"),
    ("D2.2", lambda f, x: "minimum" if f(x) > 9 else None, "return on every way"),
    ("D2.3", refusing(lambda x, s, b: x + s / b), "uphill"),
    ("D2.3", refusing(lambda x, s, b: -s / b), "start from x"),
    ("D2.3", refusing(lambda x, s, b: x - s / (2 * b)), "half the way"),
    ("D2.3", refusing(lambda x, s, b: x - b / s), "Upside down"),
    ("D2.3", refusing(lambda x, s, b: x - s), "ignores the bend"),
    ("D2.3", newton, "hill"),
    ("D2.3", lambda x, s, b: newton(x, s, b) if b != 0 else None, "hill"),
    ("D2.3", lambda x, s, b: newton(x, s, abs(b)) if b else x, "hill"),
    ("D2.3", lambda x, s, b: refusing(newton)(x, s, b) if b else x, "line"),
    ("D2.4", lambda f, x: x + slope(f, x) / bend(f, x), "uphill"),
    ("D2.4", lambda f, x: x - f(x) / slope(f, x), "Newton for f = 0"),
    ("D2.4", lambda f, x: x - slope(f, x), "gradient descent"),
    ("D2.4", lambda f, x: -slope(f, x) / bend(f, x), "Return the new x"),
    ("D2.4", lambda f, x: x - 0.1 * slope(f, x), "square of the error"),
    ("D2.4", lambda f, x: x - bend(f, x) / slope(f, x), "Upside down"),
    ("D2.4", lambda f, x: x, "stay"),
]


@pytest.mark.parametrize(("id", "answer", "fragment"), SLIPS)
@pytest.mark.parametrize("seed", range(5))
def test_a_slip_is_named(id: str, answer: Any, fragment: str, seed: int) -> None:
    verdict = ask(id, answer, seed)
    assert verdict.status == "wrong"
    assert fragment in verdict.message
