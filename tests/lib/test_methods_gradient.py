"""Methods that look at gradients: rates, bounds, conjugacy, secants, costs, SciPy as referee."""

from __future__ import annotations

import pickle
from contextlib import suppress
from itertools import islice, pairwise
from typing import Any

import autograd.numpy as np
import numpy as onp
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize as scipy_minimize
from scipy.sparse.linalg import cg as scipy_cg

from secondorder import objectives
from secondorder.methods import (
    Halt,
    Iterate,
    Method,
    Oracle,
    Stop,
    armijo,
    bfgs,
    conjugate_gradient,
    decaying,
    exact,
    gradient_descent,
    heavy_ball,
    lbfgs,
    minimize,
    nesterov,
    nonlinear_cg,
    strong_wolfe,
)
from secondorder.methods.lbfgs import inverse_times
from secondorder.objectives import Objective, quadratic

SEARCHING = [nonlinear_cg, bfgs, lbfgs]
SMALL = [gradient_descent, heavy_ball, nesterov]
each = pytest.mark.parametrize("factory", [*SMALL, conjugate_gradient, *SEARCHING])
each_searching = pytest.mark.parametrize("factory", SEARCHING)
EASY = [1.0, 2.0, 5.0]


def run(method: Method, f: Any, x0: Any, steps: int) -> list[Iterate]:
    return list(islice(method(f, x0), steps + 1))


def distances(method: Method, f: Objective, x0: Any, steps: int) -> Any:
    c = f.known.minimisers[0]
    return onp.array([float(onp.linalg.norm(it.x - c)) for it in run(method, f, x0, steps)])


def memory(it: Iterate) -> Any:
    assert it.state is not None
    return it.state.memory


def arrays(data: Any) -> Any:
    """Every array in nested tuples."""
    if isinstance(data, tuple):
        return [leaf for part in data for leaf in arrays(part)]
    return [data] if isinstance(data, onp.ndarray) else []


def bowl(spectrum: Any, seed: int = 0) -> Objective:
    rng = onp.random.default_rng(seed)
    return quadratic(spectrum, minimiser=rng.normal(size=len(spectrum)), rng=rng)


def logistic(seed: int, rows: int = 200, n: int = 20, ridge: float = 1e-3) -> Objective:
    rng = onp.random.default_rng(seed)
    X = rng.normal(size=(rows, n)) * onp.logspace(0, -1, n)
    y = onp.sign(X @ (3 * rng.normal(size=n)) + rng.normal(size=rows))

    def fun(x: Any) -> Any:
        return np.mean(np.logaddexp(0, -y * np.dot(X, x))) + ridge / 2 * np.dot(x, x)

    return Objective("logistic", fun, n, start=onp.zeros(n))


def rows_of_data(rows: int = 12) -> Objective:
    rng = onp.random.default_rng(3)
    X = rng.normal(size=(rows, 2))
    data = (X, X @ onp.array([1.0, -2.0]))

    def fun(x: Any, batch: Any = None) -> Any:
        A, y = data if batch is None else batch
        return np.mean((np.dot(A, x) - y) ** 2) / 2

    return Objective("rows", fun, 2, data=data, start=onp.zeros(2))


def gradients_until(f: Objective, x0: Any, name: str, norm: float) -> int:
    """How many gradients SciPy evaluates until one is as small as asked for."""
    seen: list[float] = []

    def both(x: Any) -> Any:
        value, g = Oracle(f).value_and_gradient(x)
        seen.append(float(onp.linalg.norm(g)))
        return value, g

    options = {"gtol": norm / 10, "maxiter": 10_000}
    options |= {"maxcor": 10, "ftol": 0, "maxfun": 50_000} if name == "L-BFGS-B" else {}
    scipy_minimize(both, x0, jac=True, method=name, options=options)
    return 1 + next(k for k, size in enumerate(seen) if size <= norm)


# ── what all share ────────────────────────────────────────────────────────────────────────────────


@each
def test_all_find_the_bottom_of_a_bowl(factory: Any) -> None:
    f = bowl(EASY)
    found = minimize(f, onp.zeros(3), factory())
    assert found.converged
    assert_allclose(found.x, f.known.minimisers[0], atol=2e-6)


@each
def test_a_stationary_start_stays(factory: Any) -> None:
    for f in (quadratic([1.0, 0.0]), objectives.saddle(), objectives.quartic(2)):
        for it in run(factory(), f, [0.0, 0.0], 2):
            assert onp.all(it.x == 0)
    if factory not in SMALL:
        assert it.note == "stationary"


@each
def test_float32_stays_float32(factory: Any) -> None:
    f = quadratic([1.0, 3.0])
    found = run(factory(), f, onp.array([1.0, -1.0], onp.float32), 6)
    assert {it.x.dtype for it in found} == {onp.dtype("float32")}
    assert {g.dtype for it in found if (g := it.state.at.g) is not None} == {onp.dtype("float32")}
    assert {leaf.dtype for leaf in arrays(memory(found[-1]))} <= {onp.dtype("float32")}
    assert found[-1].value < found[0].value


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("factory", [*SMALL, nonlinear_cg, bfgs, lbfgs])
def test_leaving_the_finite_numbers_is_named(factory: Any) -> None:
    found = minimize(lambda x: -np.exp(x[0] ** 2), [1.0], factory())
    assert found.reason in ("unbounded", "diverged", "not finite", "line search failed")
    assert onp.isfinite(found.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: gradient_descent(0.0), "lr must be one number above 0"),
        (lambda: gradient_descent(-0.1), "lr must be one number above 0"),
        (lambda: decaying(0.0, 1.0), "lr must be"),
        (lambda: decaying(1.0, -1.0), "rate must be one number from 0"),
        (lambda: heavy_ball(momentum=1.0), "momentum must be one number from 0"),
        (lambda: nesterov(0.0), "lr must be"),
        (lambda: nesterov(0.1, 1.0), "momentum must be one number from 0"),
        (lambda: lbfgs(0), "memory must be a whole number from 1 on"),
        (lambda: lbfgs(2.5), "memory must be a whole number"),  # type: ignore[arg-type]
    ],
)
def test_settings_out_of_range(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("factory", [gradient_descent, *SEARCHING])
def test_a_line_search_that_is_no_function(factory: Any) -> None:
    with pytest.raises(TypeError, match="line_search must be a function, got str 'armijo'"):
        factory(line_search="armijo")


# ── gradient descent ──────────────────────────────────────────────────────────────────────────────


def test_each_component_shrinks_by_its_own_factor() -> None:
    spectrum, eta = onp.array([1.0, 3.0, 4.0]), 0.3
    f = quadratic(spectrum)
    for k, it in enumerate(run(gradient_descent(eta), f, onp.ones(3), 20)):
        assert_allclose(it.x, (1 - eta * spectrum) ** k, atol=1e-14)


@pytest.mark.parametrize("kappa", [2.0, 10.0, 100.0])
def test_the_best_rate_shrinks_the_error_by_kappa(kappa: float) -> None:
    f, x0 = quadratic([1.0, kappa]), [1.0, 1.0]
    found = distances(gradient_descent(2 / (1 + kappa)), f, x0, 30)
    assert_allclose(found[1:] / found[:-1], (kappa - 1) / (kappa + 1))
    for eta in (0.9, 1.1):
        worse = distances(gradient_descent(eta * 2 / (1 + kappa)), f, x0, 30)
        assert worse[-1] / worse[-2] > (kappa - 1) / (kappa + 1)


@pytest.mark.parametrize("kappa", [2.0, 10.0, 100.0])
def test_steepest_descent_at_its_worst(kappa: float) -> None:
    """From (κ, 1) it zigzags: f falls by ((κ − 1)/(κ + 1))² in every step."""
    method = gradient_descent(line_search=exact())
    found = run(method, quadratic([1.0, kappa]), [kappa, 1.0], 20)
    falls = [b.value / a.value for a, b in pairwise(found)]
    assert_allclose(falls, ((kappa - 1) / (kappa + 1)) ** 2)
    assert found[-1].counts.products == 20 and found[-1].counts.gradients == 41


@pytest.mark.parametrize("seed", range(3))
def test_steepest_descent_is_never_worse(seed: int) -> None:
    f = bowl(onp.geomspace(1.0, 50.0, 8), seed)
    found = run(gradient_descent(line_search=exact()), f, onp.zeros(8), 60)
    assert all(b.value <= (49 / 51) ** 2 * a.value * (1 + 1e-9) for a, b in pairwise(found))


@pytest.mark.parametrize(("share", "grows"), [(0.99, False), (1.01, True)])
def test_gradient_descent_is_stable_below_two_over_lambda(share: float, grows: bool) -> None:
    found = distances(gradient_descent(share * 2 / 4.0), quadratic([1.0, 4.0]), [1.0, 1.0], 300)
    assert (found[-1] > found[0]) == grows


def test_a_schedule_sets_each_step() -> None:
    found = run(gradient_descent(lambda k: 1 / (k + 2)), quadratic([1.0]), [1.0], 4)
    assert_allclose([it.x[0] for it in found], [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])


def test_decaying_is_a_schedule_that_can_be_pickled() -> None:
    eta = pickle.loads(pickle.dumps(decaying(0.5, 0.1)))
    assert eta(0) == 0.5 and eta(10) == 0.25
    same = run(gradient_descent(0.3), quadratic(EASY), onp.ones(3), 3)
    held = run(gradient_descent(decaying(0.3, 0.0)), quadratic(EASY), onp.ones(3), 3)
    assert onp.array_equal(same[-1].x, held[-1].x)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("inf"), float("nan")])
def test_a_schedule_that_gives_no_step(bad: float) -> None:
    with pytest.raises(ValueError, match=r"lr\(1\) must be"):
        run(gradient_descent(lambda k: bad if k else 0.1), quadratic([1.0]), [1.0], 2)


def test_a_schedule_and_a_line_search_are_too_much() -> None:
    with pytest.raises(TypeError, match="only one can choose the step"):
        gradient_descent(decaying(0.1, 1.0), line_search=armijo())


@pytest.mark.parametrize("search", [armijo(), armijo(0.3, 0.8), strong_wolfe(), exact()])
def test_a_line_search_goes_down_in_every_step(search: Any) -> None:
    found = run(gradient_descent(line_search=search), objectives.himmelblau(), [2.0, 3.0], 60)
    assert all(b.value <= a.value + 1e-12 for a, b in pairwise(found))
    assert_allclose(found[-1].x, [3.0, 2.0], atol=1e-4)


def test_lr_is_the_first_length_that_a_line_search_tries() -> None:
    tried = []

    def search(oracle: Oracle, at: Any, p: Any, first: float) -> float:
        tried.append(first)
        return 0.25

    run(gradient_descent(0.7, line_search=search), quadratic([1.0]), [1.0], 3)
    assert tried == [0.7, 0.5, 0.5]


@pytest.mark.parametrize("factory", SMALL)
def test_a_step_costs_one_gradient(factory: Any) -> None:
    for k, it in enumerate(run(factory(), quadratic(EASY), onp.ones(3), 5)):
        assert it.counts.in_gradients == 1 + k


@pytest.mark.parametrize(
    ("method", "steps"),
    [
        (gradient_descent(0.1, batch_size=3), 100),
        (gradient_descent(0.1, line_search=armijo(), batch_size=3), 20),
        (gradient_descent(0.1, line_search=strong_wolfe(), batch_size=3), 20),
        (gradient_descent(line_search=exact(), batch_size=3), 20),
        (heavy_ball(0.1, 0.5, batch_size=3), 100),
        (nesterov(0.1, 0.5, batch_size=3), 100),
    ],
)
def test_mini_batches_reach_what_all_rows_agree_on(method: Method, steps: int) -> None:
    found = run(method, rows_of_data(), None, steps)
    assert_allclose(found[-1].x, [1.0, -2.0], atol=0.05)
    assert found[1].counts.gradients < 2  # a quarter of the rows is a quarter of a gradient


# ── heavy ball and Nesterov ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kappa", [4.0, 25.0, 100.0])
def test_the_best_heavy_ball_shrinks_by_the_root_of_kappa(kappa: float) -> None:
    root = onp.sqrt(kappa)
    rate = (root - 1) / (root + 1)
    method = heavy_ball(4 / (root + 1) ** 2, rate**2)
    steps = int(4 * root) + 20
    found = distances(method, quadratic(onp.linspace(1.0, kappa, 7)), onp.ones(7), 2 * steps)
    assert_allclose((found[-1] / found[steps]) ** (1 / steps), rate, rtol=0.05)
    assert rate < (kappa - 1) / (kappa + 1)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(("share", "grows"), [(0.99, False), (1.01, True)])
def test_the_heavy_ball_is_stable_below_its_bound(beta: float, share: float, grows: bool) -> None:
    method = heavy_ball(share * (2 + 2 * beta) / 4.0, beta)
    found = distances(method, quadratic([0.5, 4.0]), [1.0, 1.0], 1000)
    assert found[-1] > 1e3 if grows else found[-1] < 1e-3


@pytest.mark.parametrize("factory", [heavy_ball, nesterov])
def test_without_momentum_it_is_gradient_descent(factory: Any) -> None:
    f = bowl(EASY)
    ours, plain = (run(m, f, onp.zeros(3), 10) for m in (factory(0.1, 0.0), gradient_descent(0.1)))
    for a, b in zip(ours, plain, strict=True):
        assert_allclose(a.x, b.x, rtol=1e-13)


def test_nesterov_as_written_in_the_paper() -> None:
    f, eta = bowl(EASY), 0.1
    found = run(nesterov(eta), f, onp.zeros(3), 12)
    y = x = onp.zeros(3)
    for k, it in enumerate(found):
        assert_allclose(it.x, x, atol=1e-13)
        assert_allclose(memory(it), y, atol=1e-13)
        y, last = x - eta * f.known.gradient(x), y  # type: ignore[misc]
        x = y + k / (k + 3) * (y - last)


@pytest.mark.parametrize("seed", range(3))
def test_nesterov_keeps_its_bound_on_a_convex_function(seed: int) -> None:
    f = bowl(onp.geomspace(1e-5, 1.0, 12), seed)
    start = onp.zeros(12)
    far = float(onp.sum((start - f.known.minimisers[0]) ** 2))
    for k, it in enumerate(run(nesterov(1.0), f, start, 300)):
        assert float(f(memory(it))) <= 2 * far / (k + 1) ** 2


@pytest.mark.parametrize("kappa", [25.0, 100.0])
def test_nesterov_with_the_best_constant_momentum(kappa: float) -> None:
    root = onp.sqrt(kappa)
    method = nesterov(1 / kappa, (root - 1) / (root + 1))
    steps = int(15 * root)
    found = distances(method, quadratic(onp.linspace(1.0, kappa, 7)), onp.ones(7), 2 * steps)
    assert_allclose((found[-1] / found[steps]) ** (1 / steps), 1 - 1 / root, rtol=0.02)


# ── linear conjugate gradients ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("distinct", [1, 2, 3, 5, 8])
def test_cg_takes_a_step_for_each_distinct_eigenvalue(distinct: int) -> None:
    spectrum = onp.repeat(onp.geomspace(1.0, 30.0, distinct), 4)
    f = bowl(spectrum, distinct)
    found = run(conjugate_gradient(), f, onp.zeros(spectrum.size), distinct)
    assert found[-1].gradient_norm < 1e-8
    assert all(it.gradient_norm > 1e-3 for it in found[:-1])


def test_cg_is_that_of_scipy() -> None:
    f = bowl(onp.geomspace(1.0, 1e3, 20))
    H, c = f.known.hessian(onp.zeros(20)), f.known.minimisers[0]  # type: ignore[misc]
    theirs: list[Any] = []
    scipy_cg(H, H @ c, rtol=0, maxiter=12, callback=lambda x: theirs.append(x.copy()))
    for it, x in zip(run(conjugate_gradient(), f, onp.zeros(20), 12)[1:], theirs, strict=True):
        assert_allclose(it.x, x, atol=1e-8)


def test_its_directions_are_conjugate_and_its_gradients_orthogonal() -> None:
    f = bowl(onp.geomspace(1.0, 50.0, 6))
    found = run(conjugate_gradient(), f, onp.zeros(6), 5)
    H = f.known.hessian(found[0].x)  # type: ignore[misc]
    P = onp.array([memory(it).p for it in found[1:]])
    G = onp.array([it.state.at.g for it in found])
    for gram in (P @ H @ P.T, G @ G.T):
        scale = onp.sqrt(onp.outer(onp.diag(gram), onp.diag(gram)))
        assert_allclose(gram / scale, onp.eye(len(gram)), atol=1e-7)


def test_cg_beats_its_bound() -> None:
    f = bowl(onp.geomspace(1.0, 400.0, 40))
    rate = (20 - 1) / (20 + 1)
    found = run(conjugate_gradient(), f, onp.zeros(40), 60)
    for k, it in enumerate(found):
        assert it.value <= 4 * rate ** (2 * k) * found[0].value + 1e-20


def test_a_cg_step_costs_two_gradients_and_a_product() -> None:
    for k, it in enumerate(run(conjugate_gradient(), bowl(EASY), onp.zeros(3), 3)):
        assert (it.counts.gradients, it.counts.products) == (1 + 2 * k, k)


@pytest.mark.parametrize("spectrum", [[1.0, 5.0, -1.0], [-1.0, -1.0, -2.0]])
def test_cg_names_negative_curvature(spectrum: Any) -> None:
    f = bowl(spectrum)
    found = minimize(f, onp.zeros(3), conjugate_gradient())
    assert found.reason == "negative curvature"
    d = found.negative_curvature
    assert d is not None and d @ f.known.hessian(d) @ d < 0  # type: ignore[misc]


def test_cg_solves_a_trough_that_has_a_minimum() -> None:
    f = bowl([0.0, 0.0, 1.0, 4.0])
    found = minimize(f, onp.zeros(4), conjugate_gradient())
    assert found.steps == 2 and found.value < 1e-12


@pytest.mark.parametrize(
    "f", [objectives.himmelblau(), objectives.quartic(3), logistic(0)], ids=repr
)
def test_cg_says_when_f_is_not_quadratic(f: Objective) -> None:
    x0 = f.known.minimisers[0] + 0.1 if f.name == "Himmelblau" else f.start
    found = minimize(f, x0, conjugate_gradient())
    assert found.reason == "not quadratic" and "nonlinear_cg" in found.message
    assert found.steps == 1


@pytest.mark.parametrize("kappa", [1.0, 1e4, 1e8])
@pytest.mark.parametrize("far", [0.0, 1e6])
@pytest.mark.parametrize("dtype", [onp.float32, onp.float64])
def test_rounding_is_not_taken_for_a_bend(kappa: float, far: float, dtype: Any) -> None:
    f = quadratic(onp.geomspace(1.0, kappa, 10), minimiser=onp.full(10, far))
    found = run(conjugate_gradient(), f, onp.full(10, far + 1, dtype), 12)
    assert len(found) == 13  # it did not halt
    assert all(it.negative_curvature is None and it.note in ("", "stationary") for it in found)


# ── nonlinear conjugate gradients ─────────────────────────────────────────────────────────────────


def test_with_exact_searches_nonlinear_cg_is_cg() -> None:
    f = bowl(onp.geomspace(1.0, 30.0, 6))
    ours = run(nonlinear_cg(line_search=exact()), f, onp.zeros(6), 6)
    for a, b in zip(ours, run(conjugate_gradient(), f, onp.zeros(6), 6), strict=True):
        assert_allclose(a.x, b.x, atol=1e-8)


def test_the_first_length_keeps_the_first_order_change() -> None:
    tried: list[tuple[float, float]] = []

    def search(oracle: Oracle, at: Any, p: Any, first: float) -> float:
        tried.append((first, float(at.g @ p)))
        return 0.1

    run(nonlinear_cg(line_search=search), quadratic([1.0, 3.0]), [1.0, 1.0], 3)
    assert tried[0][0] == pytest.approx(10**-0.5)  # a move of length 1
    for (_, before), (first, slope) in pairwise(tried):
        assert first * slope == pytest.approx(0.1 * before)


def test_a_direction_that_goes_up_is_dropped() -> None:
    """Steps far beyond the minimum along the line make the next p go up."""
    method = nonlinear_cg(line_search=lambda oracle, at, p, first: 1.5)
    notes = [it.note for it in run(method, quadratic([1.0, 1.3]), [1.0, 1.0], 4)]
    assert "restart" in notes


# ── quasi-Newton ──────────────────────────────────────────────────────────────────────────────────


PROBLEMS = [
    (objectives.rosenbrock(), None),
    (objectives.rosenbrock(6), None),
    (objectives.himmelblau(), [-1.0, 1.5]),
    (logistic(1), None),
]


@pytest.mark.parametrize(("f", "x0"), PROBLEMS, ids=lambda v: getattr(v, "name", ""))
def test_the_secant_equation_holds_in_every_step(f: Objective, x0: Any) -> None:
    found = run(bfgs(), f, x0, 10)
    for a, b in pairwise(found):
        H, s, y = memory(b), b.x - a.x, b.state.at.g - a.state.at.g
        assert_allclose(H @ y, s, atol=1e-9 * onp.linalg.norm(H) * onp.linalg.norm(y))
        assert_allclose(H, H.T, rtol=0, atol=0)
        assert onp.linalg.eigvalsh(H)[0] > 0


def test_bfgs_learns_the_inverse_of_a_quadratic() -> None:
    """With exact searches n steps give H = A⁻¹, and the iterates are those of CG."""
    f = bowl(onp.geomspace(1.0, 20.0, 5))
    found = run(bfgs(line_search=exact()), f, onp.zeros(5), 5)
    A = f.known.hessian(found[0].x)  # type: ignore[misc]
    assert_allclose(memory(found[-1]) @ A, onp.eye(5), atol=1e-6)
    for a, b in zip(found, run(conjugate_gradient(), f, onp.zeros(5), 5), strict=True):
        assert_allclose(a.x, b.x, atol=1e-8)


def dense_inverse(pairs: Any, n: int) -> Any:
    """The product form of BFGS, equation (6.17) of Nocedal & Wright."""
    s, y = pairs[-1][:2]
    H, eye = (s @ y) / (y @ y) * onp.eye(n), onp.eye(n)
    for s, y, _ in pairs:
        rho = 1 / (y @ s)
        V = eye - rho * onp.outer(y, s)
        H = V.T @ H @ V + rho * onp.outer(s, s)
    return H


@pytest.mark.parametrize("keep", [1, 3, 10])
def test_two_loops_multiply_with_the_matrix_of_the_pairs(keep: int) -> None:
    f = objectives.rosenbrock(6)
    for it in run(lbfgs(keep), f, None, 14)[1:]:
        pairs, g = memory(it), it.state.at.g
        assert len(pairs) == min(keep, it.step)
        assert_allclose(inverse_times(pairs, g), dense_inverse(pairs, 6) @ g, rtol=1e-7, atol=1e-9)
        assert all(p[2] == pytest.approx(1 / (p[0] @ p[1])) for p in pairs)


def test_bfgs_updates_as_the_product_form_does() -> None:
    found = run(bfgs(), objectives.rosenbrock(), None, 2)
    (a, b, c) = found
    pairs = [(v.x - u.x, v.state.at.g - u.state.at.g, 0) for u, v in ((a, b), (b, c))]
    first = dense_inverse(pairs[:1], 2)
    assert_allclose(memory(b), first, rtol=1e-12)
    s, y, _ = pairs[1]
    V = onp.eye(2) - onp.outer(y, s) / (y @ s)
    assert_allclose(memory(c), V.T @ first @ V + onp.outer(s, s) / (y @ s), rtol=1e-10)


@pytest.mark.parametrize("factory", [bfgs, lbfgs])
def test_an_update_that_would_break_positive_definiteness_is_skipped(factory: Any) -> None:
    """On a dome Armijo's condition holds everywhere: y s is negative."""
    found = run(factory(line_search=armijo()), quadratic([-1.0, -2.0]), [0.1, 0.1], 3)
    assert [it.note for it in found[1:]] == ["update skipped"] * 3
    assert memory(found[-1]) in ((), None)
    assert found[-1].value < found[0].value


@each_searching
def test_a_failed_search_forgets_the_past_once(factory: Any) -> None:
    """Along −g there is nothing left to forget: the run halts."""
    calls = []

    def search(oracle: Oracle, at: Any, p: Any, first: float) -> float:
        calls.append(p)
        if len(calls) > 1:
            raise Halt("line search failed", "on purpose")
        return 0.3

    run_of = factory(line_search=search)(quadratic(EASY), onp.ones(3))
    _, after, again = islice(run_of, 3)
    assert again.note == "restart" and again.x is after.x
    with pytest.raises(Halt, match="on purpose"):
        next(run_of)
    assert_allclose(calls[-1], -after.state.at.g)


def test_bfgs_says_when_its_matrix_is_too_large() -> None:
    with pytest.raises(MemoryError, match=r"the inverse Hessian of bfgs needs .*use lbfgs\(\)"):
        next(bfgs()(lambda x: np.sum(x**2), onp.ones(3_000_000)))


@each_searching
def test_the_first_move_is_no_longer_than_one(factory: Any) -> None:
    tried = []

    def search(oracle: Oracle, at: Any, p: Any, first: float) -> float:
        tried.append(first * onp.linalg.norm(p))
        return 1e-3

    for scale in (1e-3, 1e3):
        run(factory(line_search=search), quadratic([1.0, 1.0]), [scale, 0.0], 1)
    assert_allclose(tried, [1e-3 if factory is not nonlinear_cg else tried[0], 1.0])


# ── SciPy as referee ──────────────────────────────────────────────────────────────────────────────


def ours(factory: Any, f: Objective, x0: Any, norm: float) -> int:
    found = minimize(f, x0, factory(), stop=Stop(gradient=norm))
    assert found.converged
    if f.known.minimisers:
        assert min(onp.linalg.norm(found.x - c) for c in f.known.minimisers) < 1e-4
    assert found.counts.in_gradients == found.counts.gradients
    return int(found.counts.gradients)


@pytest.mark.parametrize("n", [2, 10, 100])
def test_lbfgs_needs_no_more_gradients_than_scipy_on_rosenbrock(n: int) -> None:
    f = objectives.rosenbrock(n)
    assert ours(lbfgs, f, None, 1e-6) <= 1.1 * gradients_until(f, f.start, "L-BFGS-B", 1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_lbfgs_needs_no_more_gradients_than_scipy_on_logistic_regression(seed: int) -> None:
    f = logistic(seed)
    assert ours(lbfgs, f, None, 1e-6) <= 1.1 * gradients_until(f, f.start, "L-BFGS-B", 1e-6)


@pytest.mark.parametrize(
    ("factory", "name", "f", "x0"),
    [
        (bfgs, "BFGS", objectives.rosenbrock(), None),
        (bfgs, "BFGS", objectives.rosenbrock(10), None),
        (bfgs, "BFGS", objectives.himmelblau(), [0.0, 0.0]),
        (bfgs, "BFGS", objectives.himmelblau(), [-3.0, 1.0]),
        (bfgs, "BFGS", logistic(0), None),
        (nonlinear_cg, "CG", objectives.rosenbrock(), None),
        (nonlinear_cg, "CG", objectives.rosenbrock(10), None),
        (nonlinear_cg, "CG", objectives.himmelblau(), [0.0, 0.0]),
        (nonlinear_cg, "CG", logistic(0), None),
        (lbfgs, "L-BFGS-B", objectives.himmelblau(), [-3.0, 1.0]),
    ],
)
def test_scipy_needs_about_as_many(factory: Any, name: str, f: Objective, x0: Any) -> None:
    start = f.start if x0 is None else x0
    assert ours(factory, f, x0, 1e-6) <= 1.3 * gradients_until(f, start, name, 1e-6) + 10


@each_searching
@pytest.mark.parametrize("x0", [[2.0, 0.1], [-0.3, -1.5], [0.5, -0.4]])
def test_two_weights_end_on_the_curve_of_minima(factory: Any, x0: Any) -> None:
    found = minimize(objectives.two_weights(), x0, factory())
    assert found.converged and found.value < 1e-12


@each_searching
@pytest.mark.parametrize("n", [2, 10, 30])
def test_gradients_can_be_made_as_small_as_rounding_allows(factory: Any, n: int) -> None:
    for f in (objectives.rosenbrock(n), logistic(n)):
        found = minimize(f, None, factory(), stop=Stop(gradient=1e-9))
        assert found.converged, found.message


@each_searching
def test_a_function_without_a_floor_is_called_unbounded(factory: Any) -> None:
    found = minimize(objectives.tilted_trough(), [1.0, 1.0], factory())
    assert found.reason in ("converged", "unbounded")
    found = minimize(lambda x: x[0] ** 2 - x[1], [1.0, 1.0], factory())
    assert found.reason == "unbounded"


@pytest.mark.parametrize("make", [*SEARCHING, conjugate_gradient])
def test_far_past_convergence_it_rests(make: Any) -> None:
    """Gradients underflow in the end: their squares are 0 before they are."""
    run = make()(quadratic([1.0, 4.0]), onp.array([1.0, -1.0]))
    with suppress(Halt):
        for it in islice(run, 400):
            assert onp.all(onp.isfinite(it.x))
    assert it.gradient_norm < 1e-12
