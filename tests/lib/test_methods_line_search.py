"""Line searches: their conditions, SciPy as referee, breakdown, rounding, and what they refuse."""

from __future__ import annotations

import pickle
from typing import Any

import autograd.numpy as np
import numpy as onp
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import line_search as scipy_line_search

from secondorder import objectives
from secondorder.methods import Halt, Oracle, Point, armijo, exact, strong_wolfe
from secondorder.methods._core import as_objective
from secondorder.methods.line_search import Trial, _lowest
from secondorder.objectives import Objective, quadratic

ALL = [armijo, strong_wolfe, exact]
TRIED = ALL[:2]
each = pytest.mark.parametrize("make", ALL)
each_tried = pytest.mark.parametrize("make", TRIED)


def begin(f: Any, x: Any, p: Any = None, dtype: Any = float) -> tuple[Oracle, Point, Any]:
    x = onp.array(x, dtype)
    oracle = Oracle(as_objective(f, x))
    value, g = oracle.value_and_gradient(x)
    return oracle, Point(x, value, g), -g if p is None else onp.array(p, dtype)


def phi(oracle: Oracle, at: Point, p: Any, alpha: float) -> tuple[float, float]:
    value, g = Oracle(oracle.objective).value_and_gradient(at.x + alpha * p)
    return value, float(g @ p)


CASES: list[tuple[Objective, list[float]]] = [
    (objectives.rosenbrock(), [-1.2, 1.0]),
    (objectives.rosenbrock(), [0.3, -2.0]),
    (objectives.himmelblau(), [0.0, 0.0]),
    (objectives.himmelblau(), [-4.0, 4.5]),
    (objectives.quartic(2), [1.0, -3.0]),
    (objectives.two_weights(), [2.0, 0.1]),
    (quadratic([1.0, 1000.0]), [5.0, 1.0]),
]


# ── the conditions ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("first", [1e-6, 1e-2, 1.0, 1e4])
@pytest.mark.parametrize(("f", "x"), CASES)
@pytest.mark.parametrize(("c1", "c2"), [(1e-4, 0.9), (1e-4, 0.1), (1e-3, 0.01)])
def test_strong_wolfe_holds(f: Objective, x: Any, c1: float, c2: float, first: float) -> None:
    oracle, at, p = begin(f, x)
    alpha = strong_wolfe(c1, c2)(oracle, at, p, first)
    value, slope = phi(oracle, at, p, alpha)
    start = float(at.g @ p)
    assert value <= at.value + c1 * alpha * start
    assert abs(slope) <= c2 * abs(start)


@pytest.mark.parametrize(("f", "x"), CASES)
def test_scipy_accepts_what_strong_wolfe_accepts(f: Objective, x: Any) -> None:
    """SciPy's search on [0, α] returns the far end α when it meets its own conditions."""
    oracle, at, p = begin(f, x)
    alpha = strong_wolfe(curvature=0.2)(oracle, at, p, 1.0)

    def along(t: Any) -> float:
        return phi(oracle, at, p, float(t[0]) * alpha)[0]

    def slope(t: Any) -> Any:
        return onp.array([phi(oracle, at, p, float(t[0]) * alpha)[1] * alpha])

    theirs = scipy_line_search(along, slope, onp.zeros(1), onp.ones(1), c1=1e-4, c2=0.2)[0]
    assert theirs == 1.0


@pytest.mark.parametrize("first", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("shrink", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(("f", "x"), CASES)
def test_armijo_is_the_first_length_that_falls_enough(
    f: Objective, x: Any, shrink: float, first: float
) -> None:
    oracle, at, p = begin(f, x)
    alpha = armijo(0.1, shrink)(oracle, at, p, first)
    start = float(at.g @ p)
    tried = first
    while tried > alpha * (1 + 1e-9):
        value = phi(oracle, at, p, tried)[0]
        assert not value <= at.value + 0.1 * tried * start
        tried *= shrink
    assert tried == alpha
    assert phi(oracle, at, p, alpha)[0] <= at.value + 0.1 * alpha * start


@pytest.mark.parametrize("seed", range(5))
def test_exact_ends_where_the_slope_is_zero(seed: int) -> None:
    rng = onp.random.default_rng(seed)
    f = quadratic(onp.geomspace(1.0, 100.0, 6), rng=rng)
    oracle, at, p = begin(f, rng.normal(size=6))
    alpha = exact()(oracle, at, p, 1.0)
    assert_allclose(phi(oracle, at, p, alpha)[1], 0, atol=1e-10 * float(p @ p))
    assert oracle.counts.products == 1 and oracle.counts.gradients == 2


def test_exact_on_a_curve_is_newtons_step_along_the_line() -> None:
    oracle, at, p = begin(lambda x: np.exp(x[0]) - x[0], [1.0])
    assert_allclose(exact()(oracle, at, p, 1.0) * p, -(np.e - 1) / np.e)


@each
def test_a_start_below_the_best_length_and_above_it(make: Any) -> None:
    f = quadratic([1.0])
    for first in (1e-8, 1e8):
        oracle, at, p = begin(f, [1.0])
        alpha = make()(oracle, at, p, first)
        assert at.value > phi(oracle, at, p, alpha)[0]


# ── cost ──────────────────────────────────────────────────────────────────────────────────────────


@each_tried
@pytest.mark.parametrize("first", [1e-6, 1.0, 1e4])
def test_the_last_evaluation_is_at_the_chosen_point(make: Any, first: float) -> None:
    oracle, at, p = begin(objectives.rosenbrock(), [-1.2, 1.0])
    alpha = make()(oracle, at, p, first)
    before = oracle.counts
    oracle.value_and_gradient(at.x + alpha * p)
    assert oracle.counts == before


def test_a_good_first_length_costs_one_gradient() -> None:
    for make in TRIED:
        oracle, at, p = begin(quadratic([1.0, 1.0]), [3.0, 4.0])
        assert make()(oracle, at, p, 1.0) == 1.0
        assert oracle.counts.gradients == 2


def test_cubic_interpolation_finds_the_minimum_of_a_parabola_at_once() -> None:
    oracle, at, p = begin(quadratic([1.0]), [1.0])
    assert_allclose(strong_wolfe(curvature=0.01)(oracle, at, p, 1.9), 1.0)
    assert oracle.counts.gradients == 3


def test_far_away_takes_few_trials() -> None:
    oracle, at, p = begin(quadratic([1.0]), [1.0])
    strong_wolfe(curvature=0.1)(oracle, at, p, 1e-6)
    assert oracle.counts.gradients <= 10


def test_the_minimum_of_a_cubic_is_found() -> None:
    def at(t: float) -> Trial:
        return Trial(t, t**3 - 3 * t, 3 * t**2 - 3)

    for a, b in [(0.0, 2.0), (2.0, 0.0), (0.5, 0.7), (0.2, 5.0)]:
        assert_allclose(_lowest(at(a), at(b), 0.0), 1.0)
    assert not onp.isfinite(_lowest(Trial(0, 0, -1), Trial(1, -1, -1), 0.0))
    assert not onp.isfinite(_lowest(Trial(0, 0, -1), Trial(1, 0, -1), 1e-9))
    assert_allclose(_lowest(Trial(0, 5.0, -1), Trial(1, 5.0, 3), 1e-9), 0.25)  # values: rounding


# ── nan, inf and rounding ─────────────────────────────────────────────────────────────────────────


@each_tried
@pytest.mark.parametrize(
    "f",
    [
        lambda x: -np.log(1 - x[0]) - 5 * x[0],  # nan beyond 1, minimum at 0.8
        lambda x: np.sqrt(2.5 - x[0]) * 0 + (x[0] - 0.8) ** 2 * 4,
        lambda x: np.exp(np.exp(x[0])) - 4 * x[0],
    ],
)
@pytest.mark.filterwarnings("error")
def test_where_f_is_not_finite_is_too_far(make: Any, f: Any) -> None:
    oracle, at, p = begin(f, [0.0])
    p = onp.sign(p)
    for first in (10.0, 1e6, 1e20):
        alpha = make()(oracle, at, p, first)
        assert phi(oracle, at, p, alpha)[0] < at.value


def test_a_bracket_whose_far_end_is_not_finite_closes() -> None:
    """The minimum 1 − 10⁻⁶ lies right before the edge."""
    oracle, at, p = begin(lambda x: -1e-6 * np.log(1 - x[0]) - x[0], [0.0])
    alpha = strong_wolfe(curvature=0.5)(oracle, at, p, 100.0)
    assert abs(phi(oracle, at, p, alpha)[1]) <= 0.5 * float(p @ p)


@each_tried
def test_rounding_at_a_minimum_does_not_stop_a_search(make: Any) -> None:
    """f is 1 + tiny: its fall is below rounding, its slope is not."""
    oracle, at, p = begin(lambda x: 1.0 + x[0] ** 2, [1e-9])
    alpha = make()(oracle, at, p, 0.5)
    assert abs(at.x + alpha * p) < 1e-9


@each_tried
def test_a_wrong_gradient_fails_by_name(make: Any) -> None:
    oracle, at, _ = begin(quadratic([1.0]), [1.0])
    uphill = at._replace(g=-at.g)
    with pytest.raises(Halt, match="f does not fall along p, though its slope is -1") as caught:
        make()(oracle, uphill, at.g, 1.0)
    assert caught.value.reason == "line search failed"


def test_a_function_without_a_floor_is_followed_far_down() -> None:
    oracle, at, p = begin(lambda x: -(x[0] ** 2), [1.0])
    assert strong_wolfe()(oracle, at, p, 1.0) > 1e10


@each_tried
@pytest.mark.parametrize("first", [onp.inf, onp.nan, 1e300])
@pytest.mark.filterwarnings("error")
def test_a_first_length_that_overflowed(make: Any, first: float) -> None:
    for dtype in (onp.float32, onp.float64):
        oracle, at, p = begin(quadratic([1.0]), [1.0], dtype=dtype)
        assert abs(at.x + make(**slow(make))(oracle, at, p, first) * p)[0] < 1


def slow(make: Any) -> dict[str, int]:
    """From 10³⁰ inwards strong_wolfe needs more trials than it makes by default."""
    return {"trials": 300} if make is strong_wolfe else {}


def test_when_trials_run_out_the_lowest_point_is_taken() -> None:
    oracle, at, p = begin(lambda x: -x[0], [0.0])
    alpha = strong_wolfe(trials=3)(oracle, at, p, 1.0)
    assert oracle.counts.gradients == 4 and alpha == 91.0
    oracle, at, p = begin(quadratic([1.0]), [1.0])
    with pytest.raises(Halt, match="line search failed"):
        strong_wolfe(trials=1)(oracle, at, p, 1e8)


def test_a_kink_ends_the_search_at_its_bottom() -> None:
    """The slope jumps from −1 to 2 at ⅓: no point meets the curvature condition."""
    oracle, at, p = begin(lambda x: np.maximum(-x[0], 2 * x[0] - 1), [0.0])
    alpha = strong_wolfe()(oracle, at, p, 1.0)
    assert_allclose(alpha, 1 / 3, atol=1e-6)


@each
def test_float32(make: Any) -> None:
    oracle, at, p = begin(objectives.himmelblau(), [3.5, 2.5], dtype=onp.float32)
    x = at.x + make()(oracle, at, p, 1.0) * p
    assert x.dtype == onp.float32 and oracle.value(x) < at.value


# ── what they refuse ──────────────────────────────────────────────────────────────────────────────


@each
@pytest.mark.parametrize("p", [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [np.nan, 0.0]])
def test_a_direction_that_does_not_go_down(make: Any, p: Any) -> None:
    oracle, at, p = begin(quadratic([1.0, 1.0]), [1.0, 0.0], p)
    with pytest.raises(Halt, match="p does not go down: its slope gᵀp is") as caught:
        make()(oracle, at, p, 1.0)
    assert caught.value.reason == "line search failed"
    assert oracle.counts.gradients == 1  # nothing was tried


@pytest.mark.parametrize("spectrum", [[1.0, -2.0], [1.0, 0.0]])
def test_exact_halts_where_the_line_has_no_minimum(spectrum: Any) -> None:
    f = quadratic(spectrum) if spectrum[1] else lambda x: x[0] ** 2 - x[1]
    oracle, at, p = begin(f, [0.0, 1.0])
    with pytest.raises(Halt, match="so f has no minimum along p") as caught:
        exact()(oracle, at, p, 1.0)
    assert caught.value.reason == ("negative curvature" if spectrum[1] else "no curvature")
    assert caught.value.direction is p


@pytest.mark.parametrize(
    ("make", "setting", "value", "words"),
    [
        (armijo, "decrease", 0.0, "decrease must be one number above 0"),
        (armijo, "decrease", 1.0, "decrease must be one number above 0"),
        (armijo, "shrink", 1.0, "shrink must be one number above 0 up to, but not, 1"),
        (armijo, "shrink", -0.5, "shrink must be"),
        (strong_wolfe, "curvature", 1.0, "curvature must be"),
        (strong_wolfe, "decrease", 0.95, "decrease must be one number above 0 up to, but not, 0.9"),
        (strong_wolfe, "trials", 0, "trials must be a whole number from 1 on"),
        (strong_wolfe, "trials", 2.5, "trials must be a whole number"),
    ],
)
def test_settings_out_of_range(make: Any, setting: str, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make(**{setting: value})


@pytest.mark.parametrize("make", [armijo, strong_wolfe])
def test_settings_that_are_no_numbers(make: Any) -> None:
    with pytest.raises(TypeError, match="decrease must hold"):
        make(decrease="small")


@each
def test_a_line_search_can_be_pickled(make: Any) -> None:
    search = pickle.loads(pickle.dumps(make()))
    oracle, at, p = begin(quadratic([1.0, 4.0]), [1.0, 1.0])
    assert search(oracle, at, p, 1.0) == make()(oracle, at, p, 1.0)
