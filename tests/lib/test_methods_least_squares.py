"""Gauss–Newton, Levenberg–Marquardt and natural gradient; SciPy and the dense G are referees."""

from __future__ import annotations

import pickle
from itertools import islice, pairwise
from typing import Any

import autograd.numpy as np
import numpy as onp
import pytest
from more_garbow_hillstrom import PROBLEMS, TRAPS
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import least_squares

from secondorder import objectives
from secondorder.losses import cross_entropy, mean_squared_error
from secondorder.methods import (
    Iterate,
    Method,
    Oracle,
    Stop,
    gauss_newton,
    levenberg_marquardt,
    minimize,
    natural_gradient,
)
from secondorder.networks import mlp
from secondorder.objectives import Objective, quadratic

LM = {"columns": levenberg_marquardt(), "none": levenberg_marquardt(scaling="none")}
each_lm = pytest.mark.parametrize("lm", LM.values(), ids=LM)
each = pytest.mark.parametrize("method", [gauss_newton(), *LM.values()], ids=["gn", *LM])


def run(method: Method, f: Any, x0: Any, steps: int) -> list[Iterate]:
    return list(islice(method(f, x0), steps + 1))


def squares(r: Any, n: int, name: str = "squares") -> Objective:
    return Objective(name, lambda x: 0.5 * np.sum(r(x) ** 2), n, residuals=r)


def line(rows: int = 12, seed: int = 0) -> tuple[Objective, Any, Any]:
    """A linear least-squares problem ½‖Ax − b‖²."""
    rng = onp.random.default_rng(seed)
    A, b = rng.normal(size=(rows, 3)), rng.normal(size=rows)
    return squares(lambda x: np.dot(A, x) - b, 3), A, b


def decay(units: float = 1.0) -> Objective:
    """Fit a exp(−b t) to noisy points; b measured in other units."""
    t = onp.linspace(0, 3, 20)
    y = 2 * onp.exp(-1.3 * t) + 0.05 * onp.random.default_rng(1).normal(size=20)
    return squares(lambda x: x[0] * np.exp(-x[1] / units * t) - y, 2)


# ── Gauss–Newton ──────────────────────────────────────────────────────────────────────────────────


def test_linear_residuals_need_one_step() -> None:
    f, A, b = line()
    assert_allclose(run(gauss_newton(), f, onp.ones(3), 1)[1].x, onp.linalg.lstsq(A, b)[0])


def test_gauss_newton_solves_rosenbrock_in_two_steps() -> None:
    found = minimize(objectives.rosenbrock(), None, gauss_newton())
    assert found.steps == 2 and found.value < 1e-20


def test_digits_double_at_a_zero_of_the_residuals() -> None:
    f = objectives.himmelblau()
    errors = [
        float(onp.linalg.norm(it.x - [3.0, 2.0])) for it in run(gauss_newton(), f, [3.4, 2.3], 6)
    ]
    assert all(b <= 2 * a**2 + 1e-14 for a, b in pairwise(errors)) and errors[-1] < 1e-13


def test_without_full_rank_the_shortest_step_is_taken_and_the_note_says_so() -> None:
    f = objectives.two_weights()
    start, after = run(gauss_newton(), f, [2.0, 1.0], 1)
    J = onp.array([[1.0, 2.0]])
    assert_allclose(after.x - start.x, onp.linalg.pinv(J) @ [-1.0])
    assert after.note == "rank-deficient Jacobian"
    assert minimize(f, [2.0, 1.0], gauss_newton()).converged


def test_gauss_newton_may_go_away_where_levenberg_marquardt_arrives() -> None:
    f = PROBLEMS["Brown and Dennis"]
    assert not minimize(f, None, gauss_newton(), stop=Stop(steps=50)).converged
    found = minimize(f, None, LM["columns"], stop=Stop(gradient=1.0, steps=200))
    assert found.value == pytest.approx(f.known.minimum, rel=1e-4)


# ── what they share ───────────────────────────────────────────────────────────────────────────────


@each
def test_a_stationary_start_stays(method: Method) -> None:
    for f, x0 in ((objectives.two_weights(), [0.0, 0.0]), (objectives.himmelblau(), [3.0, 2.0])):
        start, after = run(method, f, x0, 1)
        assert_array_equal(after.x, start.x)


@each
def test_float32_stays_float32(method: Method) -> None:
    found = run(method, objectives.himmelblau(), onp.array([3.5, 2.5], onp.float32), 8)
    assert {it.x.dtype for it in found} == {onp.dtype("float32")}
    assert_allclose(found[-1].x, [3.0, 2.0], atol=1e-4)


@each
def test_one_variable_and_one_residual_will_do(method: Method) -> None:
    f = squares(lambda x: x**2 - 2.0, 1)
    assert_allclose(run(method, f, [2.0], 12)[-1].x, [2**0.5], rtol=1e-10)


@each
def test_what_has_no_residuals_is_refused(method: Method) -> None:
    with pytest.raises(TypeError, match=r"needs objective\.residuals"):
        next(method(quadratic([1.0]), [1.0]))


@each
def test_the_jacobian_counts_as_half_as_many_products_as_columns(method: Method) -> None:
    first, second, third = run(method, line()[0], onp.zeros(3), 2)
    assert second.counts.products - 1.5 in (0, first.counts.products)
    assert second.counts.gradients == 3 and second.counts.values == 0
    assert third.counts.gradients == 5 and third.counts.products == 3


# ── Levenberg–Marquardt ───────────────────────────────────────────────────────────────────────────


@each_lm
def test_a_step_solves_the_damped_equations(lm: Method) -> None:
    f = decay()
    seen = run(lm, f, [1.0, 0.5], 6)
    for before, after in pairwise(seen):
        r, J = Oracle(f).residuals_and_jacobian(before.x)
        memory = before.state.memory
        D = onp.maximum(memory.D, onp.sum(J**2, axis=0)) if lm is LM["columns"] else onp.ones(2)
        p = onp.linalg.solve(J.T @ J + memory.value * onp.diag(D), -J.T @ r)
        assert_allclose(after.x - before.x, p if after.x is not before.x else 0, rtol=1e-6)


@each_lm
def test_damping_falls_to_a_third_where_the_model_is_exact(lm: Method) -> None:
    values = [it.state.memory.value for it in run(lm, line()[0], onp.ones(3), 3)]
    assert_allclose(onp.array(values[1:]) / values[:-1], 1 / 3)


@each_lm
def test_damping_rises_faster_and_faster_and_the_jacobian_is_kept(lm: Method) -> None:
    bend = squares(lambda x: np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]]), 2)
    seen = run(
        levenberg_marquardt(1e-9, "columns" if lm is LM["columns"] else "none"),
        bend,
        [-1.2, 1.0],
        5,
    )
    rejected = [k for k, it in enumerate(seen) if it.note == "step rejected"]
    assert rejected[:3] == [1, 2, 3]
    rises = [seen[k].state.memory.value / seen[k - 1].state.memory.value for k in rejected[:3]]
    assert_allclose(rises, [2, 4, 8])
    assert seen[3].x is seen[0].x
    assert seen[3].counts.products == seen[0].counts.products == 1
    assert seen[3].counts.gradients == seen[0].counts.gradients + 3


def test_scaled_by_columns_the_units_do_not_matter() -> None:
    a = run(LM["columns"], decay(), [1.0, 0.5], 8)
    b = run(LM["columns"], decay(1e4), [1.0, 0.5e4], 8)
    for one, other in zip(a, b, strict=True):
        assert_allclose(other.x / [1, 1e4], one.x, rtol=1e-6)


@each_lm
def test_values_never_rise(lm: Method) -> None:
    for f in (objectives.rosenbrock(6), objectives.himmelblau(), decay()):
        start = onp.full(f.dim, 0.5) if f.start is None else f.start
        found = minimize(f, start, lm, stop=Stop(steps=200))
        assert found.converged and onp.all(onp.diff(found.values) <= 1e-12)


@each_lm
def test_a_column_of_zeros_does_no_harm(lm: Method) -> None:
    f = squares(lambda x: np.array([x[0] - 1.0, 2.0 * x[0]]) + 0.0 * x[1], 2)
    assert_allclose(run(lm, f, [5.0, 7.0], 12)[-1].x, [0.2, 7.0], atol=1e-6)


@each_lm
def test_residuals_that_do_not_exist_are_steps_too_far(lm: Method) -> None:
    f = squares(lambda x: np.log(x) + x, 1)
    found = minimize(f, [5.0], lm)
    assert found.converged and found.x[0] == pytest.approx(0.5671432904)


@each_lm
def test_an_interrupted_run_goes_on_as_if_it_had_not_been(lm: Method) -> None:
    whole = run(lm, objectives.rosenbrock(), None, 12)
    k = next(it.step for it in whole if it.note)
    state = pickle.loads(pickle.dumps(whole[k].state))
    rest = list(islice(lm(objectives.rosenbrock(), state=state), 12 - k))
    for a, b in zip(whole[k + 1 :], rest, strict=True):
        assert_array_equal(a.x, b.x)
        assert a.counts == b.counts


@pytest.mark.filterwarnings("ignore::secondorder.derivatives.KinkWarning")
def test_a_slope_that_f_does_not_follow_ends_in_steps_below_rounding() -> None:
    kink = squares(lambda x: np.array([1.0 + (x[0] - 1.0) + 10 * np.abs(x[0] - 1.0)]), 1)
    found = minimize(kink, [1.0], LM["columns"], stop=Stop(stagnation=100))
    assert found.reason == "stagnated" and found.x[0] == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        *(("damping", bad) for bad in (0.0, -1.0, onp.inf, "much")),
        *(("scaling", bad) for bad in ("rows", None, True)),
    ],
)
def test_settings_out_of_range_are_named(name: str, bad: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=name):
        levenberg_marquardt(**{name: bad})


SLOW = {"Meyer", "Brown and Dennis", "Jennrich and Sampson"}  # large residuals: a floor for ‖∇f‖


@pytest.mark.parametrize("name", [name for name in PROBLEMS if name not in SLOW])
def test_standard_problems_end_where_they_end_for_minpack(name: str) -> None:
    f = PROBLEMS[name]
    found = minimize(f, None, LM["columns"], stop=Stop(steps=150))
    assert found.reason == "converged"
    minpack = least_squares(f.residuals, f.start, method="lm", xtol=1e-12, ftol=1e-12, gtol=1e-12)
    ends = [f.known.minimum, minpack.cost, *([TRAPS[name].value] if name in TRAPS else [])]
    assert min(abs(found.value - end) / (1 + abs(end)) for end in ends) < 1e-6


@pytest.mark.parametrize("name", sorted(SLOW))
def test_large_residuals_end_there_too_if_not_as_sharply(name: str) -> None:
    f = PROBLEMS[name]
    found = minimize(
        f, None, LM["columns"], stop=Stop(value=f.known.minimum * (1 + 1e-6), steps=300)
    )
    assert found.reason == "value reached"


# ── natural gradient ──────────────────────────────────────────────────────────────────────────────


def network(loss: Any, sizes: list[int], **options: Any) -> Objective:
    rng = onp.random.default_rng(2)
    X = rng.normal(size=(40, sizes[0]))
    labels = (X[:, 0] + 0.5 * rng.normal(size=40) > 0).astype(int)
    targets = labels if loss is cross_entropy else onp.eye(sizes[-1])[labels]
    return mlp(sizes).objective(loss, X, targets, **options)


def begin(f: Objective, dtype: Any = float) -> Any:
    return (0.5 * onp.random.default_rng(3).normal(size=f.dim)).astype(dtype)


@pytest.mark.parametrize("loss", [cross_entropy, mean_squared_error], ids=["softmax", "squares"])
def test_where_fisher_is_gauss_newton_so_is_the_step(loss: Any) -> None:
    f = network(loss, [3, 4, 2], weight_decay=0.02)
    x = begin(f)
    start, after = run(natural_gradient(0.5, 0.1, tolerance=1e-12), f, x, 1)
    G = Oracle(f).ggn_operator(x) @ onp.eye(f.dim)
    g = Oracle(f).value_and_gradient(x)[1]
    p = -onp.linalg.solve(G + 0.1 * onp.eye(f.dim), g)
    assert_allclose(after.x - start.x, 0.5 * p, rtol=1e-8, atol=1e-12)


def test_linear_regression_needs_one_step() -> None:
    f = network(mean_squared_error, [3, 2])
    _, after = run(natural_gradient(damping=0.0, tolerance=1e-10), f, begin(f), 1)
    assert after.gradient_norm < 1e-8


def test_softmax_regression_takes_a_handful_of_steps() -> None:
    f = network(cross_entropy, [3, 2], weight_decay=0.01)
    found = minimize(f, begin(f), natural_gradient(damping=0.01), stop=Stop(steps=20))
    assert found.converged and onp.all(onp.diff(found.values[:6]) < 0)


def test_much_damping_is_a_gradient_step() -> None:
    f = network(cross_entropy, [3, 4, 2])
    start, after = run(natural_gradient(damping=1e6), f, begin(f), 1)
    assert_allclose(after.x - start.x, -Oracle(f).value_and_gradient(start.x)[1] / 1e6, rtol=1e-4)


def test_it_counts_its_products_and_stops_at_the_limit() -> None:
    f = network(cross_entropy, [3, 4, 2])
    _, after = run(natural_gradient(damping=1e-8, tolerance=1e-10, max_products=3), f, begin(f), 1)
    assert after.note == "inner limit"
    assert after.counts.products == 3 and after.counts.gradients == 3


def test_mini_batches_count_as_their_share() -> None:
    f = network(cross_entropy, [3, 4, 2])
    method = natural_gradient(0.3, 0.1, batch_size=10)
    seen = run(method, f, begin(f), 12)
    assert seen[0].counts.gradients == 0.25 and seen[1].counts.gradients == 0.75
    assert float(f(seen[-1].x)) < float(f(seen[0].x))
    assert_array_equal(run(method, f, begin(f), 12)[-1].x, seen[-1].x)


def test_natural_gradient_keeps_float32_and_stays_where_the_gradient_is_zero() -> None:
    rng = onp.random.default_rng(4)
    X = rng.normal(size=(20, 3)).astype(onp.float32)
    f = mlp([3, 2]).objective(cross_entropy, X, (X[:, 0] > 0).astype(int))
    assert {it.x.dtype for it in run(natural_gradient(), f, begin(f, onp.float32), 3)} == {
        onp.dtype("float32")
    }
    flat = mlp([1, 1]).objective(mean_squared_error, onp.ones((1, 1)), onp.zeros((1, 1)))
    start, after = run(natural_gradient(), flat, onp.zeros(2), 1)
    assert after.x is start.x and after.note == "stationary"


def test_natural_gradient_needs_a_model_and_its_likelihood() -> None:
    with pytest.raises(TypeError, match=r"natural gradient needs objective\.model"):
        next(natural_gradient()(objectives.rosenbrock(), None))


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        *(("lr", bad) for bad in (0.0, -1.0, onp.nan)),
        *(("damping", bad) for bad in (-1.0, onp.inf)),
        *(("tolerance", bad) for bad in (0.0, 1.0)),
        *(("max_products", bad) for bad in (0, 1.5)),
    ],
)
def test_settings_of_the_natural_gradient_are_checked(name: str, bad: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=name):
        natural_gradient(**{name: bad})
