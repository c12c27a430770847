"""Local models: what they match, how fast they go wrong, where their lowest point is."""

import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondorder import (
    NoMinimumError,
    gradient,
    hessian,
    line,
    objectives,
    parabola,
    quadric,
    tangent_plane,
)
from secondorder.local_models import LocalModel

CURVES = {
    "sin": (anp.sin, 0.7),
    "exp": (anp.exp, -0.3),
    "cubic": (lambda t: t**3 - t, 1.1),
    "reciprocal": (lambda t: 1 / t, 2.0),
    "tanh": (anp.tanh, 0.4),
}
ON_AXIS = pytest.mark.parametrize(("f", "x"), list(CURVES.values()), ids=list(CURVES))
SURFACES = {
    "rosenbrock": objectives.rosenbrock(3),
    "himmelblau": objectives.himmelblau(),
    "monkey": objectives.monkey_saddle(),
    "waves": lambda x: anp.sin(x[0]) * anp.cos(2 * x[1]) + anp.exp(x[0] * x[1]),
}
IN_SPACE = pytest.mark.parametrize("f", list(SURFACES.values()), ids=list(SURFACES))


@ON_AXIS
def test_halving_the_distance_divides_the_miss_by_four_and_by_eight(f, x) -> None:
    h = 2.0 ** -np.arange(5, 9)
    for make, ratio in ((line, 4), (parabola, 8)):
        m = make(f, x)
        for side in (1, -1):
            miss = m.residual(f, x + side * h)
            np.testing.assert_allclose(miss[:-1] / miss[1:], ratio, rtol=0.08)


@IN_SPACE
def test_halving_the_distance_in_space(f) -> None:
    rng = np.random.default_rng(5)
    n = getattr(f, "dim", 2)
    x, u = rng.uniform(0.4, 1.2, n), rng.normal(size=n)
    u /= np.linalg.norm(u)
    h = 2.0 ** -np.arange(6, 10)[:, None]
    for make, ratio in ((tangent_plane, 4), (quadric, 8)):
        miss = make(f, x).residual(f, x + h * u)
        np.testing.assert_allclose(miss[:-1] / miss[1:], ratio, rtol=0.15)


@ON_AXIS
def test_value_slope_and_bend_match_at_the_point(f, x) -> None:
    for m in (line(f, x), parabola(f, x)):
        assert m(x) == m.value == pytest.approx(float(f(x)))
        assert (m(x + 1e-6) - m(x - 1e-6)) / 2e-6 == pytest.approx(float(m.slope), rel=1e-6)
    bend = (f(x + 1e-4) - 2 * f(x) + f(x - 1e-4)) / 1e-8
    assert float(m.bend) == pytest.approx(bend, rel=1e-4, abs=1e-5)
    assert line(f, x).bend is None


@IN_SPACE
def test_space_models_hold_value_gradient_and_hessian(f) -> None:
    x = np.array([0.5, -0.7, 1.1])[: getattr(f, "dim", 2)]
    plane, bent = tangent_plane(f, x), quadric(f, x)
    assert plane.value == bent.value == float(f(x)) and plane.bend is None
    assert np.array_equal(plane.slope, gradient(f, x)) and np.array_equal(bent.bend, hessian(f, x))
    d = np.random.default_rng(0).normal(size=x.size)
    assert plane(x + d) == pytest.approx(plane.value + plane.slope @ d)
    assert bent(x + d) == pytest.approx(plane(x + d) + d @ bent.bend @ d / 2)


# ── shapes in and out ─────────────────────────────────────────────────────────────────────────────


def test_a_call_keeps_the_shape_of_the_points() -> None:
    m = parabola(anp.sin, 0.5)
    assert type(m(0.2)) is float and type(m.residual(np.sin, 0.2)) is float
    assert m(np.zeros(3)).shape == (3,) and m(np.zeros((2, 3))).shape == (2, 3)
    assert m.residual(np.sin, np.zeros((2, 3))).shape == (2, 3)
    for q in (tangent_plane(np.sum, [1.0, 2.0]), quadric(lambda x: x[0] * x[1], [1.0, 2.0])):
        assert type(q([0.0, 0.0])) is float and q(np.zeros((5, 2))).shape == (5,)
        grid = np.random.default_rng(0).normal(size=(4, 3, 2))
        assert q(grid).shape == q.residual(np.sum, grid).shape == (4, 3)
        assert q(grid)[2, 1] == pytest.approx(q(grid[2, 1]))
    assert m(np.zeros(0)).shape == (0,) and q.residual(np.sum, np.zeros((0, 2))).shape == (0,)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (3.0, r"x must have shape \(2,\) or \(…, 2\), got \(\)"),
        (np.ones(3), r"x must have shape \(2,\) .* got \(3,\)"),
        (np.ones((2, 1)), r"x must have shape \(2,\) .* got \(2, 1\)"),
        ([1.0, np.nan], "x must be finite"),
    ],
)
def test_a_point_of_the_wrong_shape_is_named(x, words) -> None:
    m = quadric(lambda x: x[0] ** 2 + x[1] ** 2, [1.0, 2.0])
    for use in (m, lambda x: m.residual(np.sum, x)):
        with pytest.raises(ValueError, match=words):
            use(x)


# ── the lowest point ──────────────────────────────────────────────────────────────────────────────


@given(
    spectrum=st.lists(st.floats(0.1, 50), min_size=1, max_size=4), seed=st.integers(0, 2**32 - 1)
)
@settings(max_examples=40, deadline=None)
def test_minimiser_of_a_bowl(spectrum: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=len(spectrum))
    f = objectives.quadratic(np.array(spectrum), minimiser=centre, rng=rng)
    m = quadric(f, centre + rng.normal(size=len(spectrum)))
    assert m.shape() == "bowl"
    np.testing.assert_allclose(m.minimiser(), centre, atol=1e-9)
    g, H = m.slope, m.bend
    step = m.step_along(-g)
    assert step == pytest.approx(g @ g / (g @ H @ g), rel=1e-9)
    below = [m(m.point - (step + d) * g) for d in (-0.01, 0.0, 0.01)]
    assert below[1] <= min(below[0], below[2]) + 1e-12
    assert m.step_along(g) == pytest.approx(-step) and m.step_along(-2 * g) == pytest.approx(
        step / 2
    )
    assert m.minimiser() == pytest.approx(
        m.point + m.step_along(m.minimiser() - m.point) * (m.minimiser() - m.point)
    )


def test_on_the_axis_the_step_is_newtons() -> None:
    m = parabola(lambda t: t**3, 1.0)
    assert m.minimiser() == 0.5 and type(m.minimiser()) is float
    assert m.step_along(-1.0) == 0.5 and m.step_along(1.0) == -0.5


SHAPES = {
    "line": [line(anp.sin, 0.3), parabola(lambda t: 3 * t + 1, 2.0)],
    "plane": [
        tangent_plane(objectives.rosenbrock(), [0.0, 0.5]),
        quadric(lambda x: 2 * x[0] - x[1], [1.0, 1.0]),
        quadric(objectives.monkey_saddle(), [0.0, 0.0]),
    ],
    "bowl": [
        parabola(lambda t: t**2, 1.0),
        quadric(objectives.quadratic([1.0, 5.0]), [1.0, 1.0]),
    ],
    "dome": [
        parabola(lambda t: -(t**2), 1.0),
        quadric(objectives.quadratic([-1.0, -5.0]), [1.0, 1.0]),
    ],
    "saddle": [
        quadric(objectives.saddle(), [1.0, 1.0]),
        quadric(objectives.quadratic([2.0, 0.0, -1.0]), [1.0, 1.0, 1.0]),
    ],
    "trough": [
        quadric(objectives.tilted_trough(), [1.0, 1.0]),
        quadric(objectives.quadratic([-2.0, 0.0]), [1.0, 1.0]),
        quadric(objectives.quadratic([1.0, 1e-12]), [1.0, 1.0]),
    ],
}
KINDS = [(name, m) for name, models in SHAPES.items() for m in models]


@pytest.mark.parametrize(("name", "m"), KINDS)
def test_shape_and_what_it_says_about_the_lowest_point(name: str, m: LocalModel) -> None:
    assert m.shape() == name
    if name == "bowl":
        assert np.all(np.isfinite(m.minimiser()))
    else:
        with pytest.raises(NoMinimumError, match=f"a {name} has no single lowest point"):
            m.minimiser()


@pytest.mark.parametrize(
    ("m", "p", "words"),
    [
        (line(anp.sin, 0.3), 1.0, "pᵀHp = 0 is not positive"),
        (parabola(lambda t: -(t**2), 0.3), 1.0, "pᵀHp = -2 is not positive"),
        (quadric(objectives.saddle(), [1.0, 1.0]), [0.0, 1.0], "pᵀHp = -1 is not positive"),
        (quadric(objectives.saddle(), [1.0, 1.0]), [1.0, 1.0], "pᵀHp = 0 is not"),
        (quadric(objectives.saddle(), [1.0, 1.0]), [0.0, 0.0], "pᵀHp = 0 is not"),
        (quadric(objectives.quadratic([1.0, 1e-12]), [1.0, 1.0]), [0.0, 1.0], "no bottom"),
    ],
)
def test_no_step_where_there_is_no_bottom(m, p, words) -> None:
    with pytest.raises(NoMinimumError, match=words):
        m.step_along(p)


def test_no_minimum_is_a_value_error() -> None:
    assert issubclass(NoMinimumError, ValueError)


# ── bad input ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: line(anp.sin, [1.0]), ValueError, r"x must be one number, got shape \(1,\)"),
        (lambda: parabola(anp.sin, np.nan), ValueError, "x must be finite"),
        (lambda: line(anp.sin, "1"), TypeError, "x must hold real floats"),
        (lambda: line(3.0, 1.0), TypeError, "f must be a function"),
        (lambda: parabola(lambda t: np.ones(2), 1.0), ValueError, "f must return one number"),
        (lambda: tangent_plane(np.sum, 1.0), ValueError, "x must be one flat array"),
        (lambda: quadric(lambda x: x, [1.0, 2.0]), ValueError, "f must return one number"),
        (lambda: quadric(np.sum, [1, 2]), TypeError, "x must hold floats"),
        (
            lambda: line(anp.sin, 1.0).residual(lambda t: np.ones(2), 1.0),
            ValueError,
            "f must return one number",
        ),
        (lambda: line(anp.sin, 1.0).residual(3.0, 1.0), TypeError, "f must be a function"),
        (lambda: line(anp.sin, 1.0)("a"), TypeError, "x must hold real floats"),
        (
            lambda: quadric(objectives.saddle(), [1.0, 1.0]).step_along([1.0]),
            ValueError,
            r"direction must have shape \(2,\), got \(1,\)",
        ),
        (
            lambda: parabola(anp.cosh, 1.0).step_along(np.inf),
            ValueError,
            "direction must be finite",
        ),
    ],
)
def test_bad_input_is_named(call, error, words) -> None:
    with pytest.raises(error, match=words):
        call()


def test_the_point_is_not_changed_and_the_models_compare_by_identity() -> None:
    x = np.array([1.0, 2.0])
    m = quadric(objectives.quadratic([1.0, 3.0]), x)
    m.minimiser(), m([0.0, 0.0]), m.step_along([1.0, 0.0])
    assert x.tolist() == [1.0, 2.0] and m == m and len({m, m}) == 1
