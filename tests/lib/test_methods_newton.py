"""Newton's method pure, damped, saddle-free and truncated: rates, saddles, singular H, costs."""

from __future__ import annotations

from itertools import islice, pairwise
from typing import Any

import autograd.numpy as np
import numpy as onp
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize as scipy_minimize

from secondorder import objectives
from secondorder.losses import cross_entropy, mean_squared_error
from secondorder.methods import (
    Halt,
    Iterate,
    Method,
    Oracle,
    Stop,
    damped_newton,
    minimize,
    newton,
    newton_cg,
    saddle_free_newton,
)
from secondorder.methods.line_search import armijo
from secondorder.networks import mlp
from secondorder.objectives import Objective, quadratic

ALL = [newton, damped_newton, saddle_free_newton, newton_cg]
DENSE = ALL[:3]
each = pytest.mark.parametrize("factory", ALL)
each_dense = pytest.mark.parametrize("factory", DENSE)


def run(method: Method, f: Any, x0: Any, steps: int) -> list[Iterate]:
    return list(islice(method(f, x0), steps + 1))


def errors(method: Method, f: Objective, x0: Any, steps: int) -> Any:
    return [
        float(onp.linalg.norm(it.x - f.known.minimisers[0])) for it in run(method, f, x0, steps)
    ]


def logistic(seed: int, rows: int = 200, n: int = 20, ridge: float = 1e-3) -> Objective:
    rng = onp.random.default_rng(seed)
    X = rng.normal(size=(rows, n)) * onp.logspace(0, -1, n)
    y = onp.sign(X @ (3 * rng.normal(size=n)) + rng.normal(size=rows))

    def fun(x: Any) -> Any:
        return np.mean(np.logaddexp(0, -y * np.dot(X, x))) + ridge / 2 * np.dot(x, x)

    return Objective("logistic", fun, n)


def curvature(f: Objective, x: Any, d: Any) -> float:
    return float(d @ (Oracle(f).hessian(onp.array(x)) @ d))


# ── what all share ────────────────────────────────────────────────────────────────────────────────


@each
def test_a_bowl_needs_one_step_or_a_few(factory: Any) -> None:
    f = quadratic([1.0, 3.0, 10.0], minimiser=[1.0, -2.0, 0.5], rng=onp.random.default_rng(1))
    steps = 8 if factory is newton_cg else 1
    assert errors(factory(), f, [5.0, 5.0, 5.0], steps)[-1] < 1e-7 if steps > 1 else 1e-12


@each
def test_digits_double_near_a_minimiser(factory: Any) -> None:
    found = errors(factory(), objectives.himmelblau(), [3.1, 2.2], 8)
    assert found[-1] < 1e-12
    if factory is not newton_cg:
        assert all(b <= 2 * a**2 + 1e-14 for a, b in pairwise(found))


@each
def test_a_start_at_a_minimiser_stays(factory: Any) -> None:
    for f in (quadratic([1.0, 0.0]), objectives.quartic(2), quadratic([2.0, 5.0])):
        start, after = run(factory(), f, f.known.minimisers[0], 1)
        assert after.x is start.x and after.negative_curvature is None


@each_dense
def test_a_start_at_a_saddle_or_maximum_says_so(factory: Any) -> None:
    _, after = run(factory(), objectives.saddle(), [0.0, 0.0], 1)
    assert after.note == "saddle" and onp.all(after.x == 0)
    assert curvature(objectives.saddle(), [0.0, 0.0], after.negative_curvature) == -1
    assert run(factory(), quadratic([-1.0, -2.0]), [0.0, 0.0], 1)[1].note == "maximum"


def test_newton_cg_at_a_stationary_point_stays() -> None:
    _, after = run(newton_cg(damping=1.0), objectives.saddle(), [0.0, 0.0], 1)
    assert after.note == "stationary" and onp.all(after.x == 0)


@each
def test_float32_stays_float32(factory: Any) -> None:
    f = objectives.himmelblau()
    found = run(factory(), f, onp.array([3.5, 2.5], onp.float32), 8)
    assert {it.x.dtype for it in found} == {onp.dtype("float32")}
    assert_allclose(found[-1].x, [3.0, 2.0], atol=1e-4)


@each
def test_one_variable_will_do(factory: Any) -> None:
    found = run(factory(), lambda x: np.cosh(x[0] - 1.0), [1.9], 8)
    assert_allclose(found[-1].x, [1.0], atol=1e-8)


@each_dense
def test_a_step_costs_two_gradients_and_n_products(factory: Any) -> None:
    found = run(factory(), quadratic([1.0, 2.0, 3.0]), [1.0, 1.0, 1.0], 2)
    for k, it in enumerate(found[:2]):
        assert it.counts.products == 3 * k
        assert it.counts.gradients == 1 + 2 * k


@pytest.mark.parametrize(
    ("factory", "name", "bad"),
    [
        *((damped_newton, "damping", bad) for bad in (-1.0, np.nan, np.inf, "much", [1.0, 2.0])),
        (damped_newton, "line_search", 0.5),
        *((saddle_free_newton, "damping", bad) for bad in (0.0, -1.0, np.inf)),
        *((newton_cg, "products", bad) for bad in ("fisher", None, 3)),
        *((newton_cg, "damping", bad) for bad in (-1.0, np.inf)),
        (newton_cg, "line_search", "armijo"),
        *((newton_cg, "max_products", bad) for bad in (0, 2.5, True)),
    ],
)
def test_settings_out_of_range_are_named(factory: Any, name: str, bad: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=name):
        factory(**{name: bad})


# ── Newton, pure ──────────────────────────────────────────────────────────────────────────────────


def test_newton_goes_to_the_saddle_of_a_quadratic_in_one_step() -> None:
    f = quadratic([2.0, -1.0], minimiser=[1.0, 1.0], rng=onp.random.default_rng(2))
    _, after = run(newton(), f, [4.0, -3.0], 1)
    assert_allclose(after.x, [1.0, 1.0], atol=1e-12)
    assert after.note == "indefinite Hessian"
    assert curvature(f, after.x, after.negative_curvature) == pytest.approx(-1)


def test_saddles_and_maxima_attract_newton() -> None:
    found = minimize(objectives.two_weights(), [0.2, 0.1], newton())
    assert found.converged and onp.linalg.norm(found.x) < 1e-6
    found = minimize(lambda x: -np.cosh(x[0]), [0.3], newton())
    assert found.converged and abs(found.x[0]) < 1e-6
    assert found.best.note == "negative definite Hessian" or found.best.step == 0


@pytest.mark.parametrize("spectrum", [[0.0, 2.0], [0.0, -1.0], [3.0, 0.0]])
def test_newton_names_a_singular_hessian_and_a_null_direction(spectrum: list[float]) -> None:
    f = quadratic(spectrum, rng=onp.random.default_rng(3))
    tilted = Objective("tilted", lambda x: f.fun(x) + x[0] + 2 * x[1], 2)
    with pytest.raises(Halt, match=r"singular Hessian.*damped_newton") as caught:
        run(newton(), tilted, [1.0, 1.0], 1)
    d = caught.value.direction
    assert onp.linalg.norm(d) == pytest.approx(1)
    assert_allclose(Oracle(f).hessian(onp.ones(2)) @ d, 0, atol=1e-12)


def test_minimize_reports_the_singular_hessian() -> None:
    found = minimize(objectives.tilted_trough(), None, newton())
    assert found.reason == "singular Hessian" and found.steps == 0
    assert_allclose(abs(found.negative_curvature), [1.0, 0.0])


# ── damped ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "f",
    [
        objectives.rosenbrock(5),
        objectives.himmelblau(),
        objectives.two_weights(),
        objectives.quartic(3),
        logistic(0),
    ],
    ids=repr,
)
def test_damped_newton_always_descends_and_arrives(f: Objective) -> None:
    start = onp.full(f.dim, 0.3) if f.start is None else f.start
    found = minimize(f, start, damped_newton(), stop=Stop(steps=100))
    assert found.reason == "converged"
    assert onp.all(onp.diff(found.values) < 0)


def test_damped_newton_goes_down_where_the_hessian_is_indefinite_or_zero() -> None:
    seen = run(damped_newton(), objectives.two_weights(), [0.2, 0.1], 10)
    assert seen[1].note == "negative curvature"
    assert curvature(objectives.two_weights(), seen[0].x, seen[1].negative_curvature) < 0
    assert_allclose(seen[-1].x[0] * seen[-1].x[1], 1.0, atol=1e-6)
    assert run(damped_newton(), objectives.tilted_trough(), None, 1)[1].value < 1.0
    slope = run(damped_newton(), lambda x: 3.0 * x[0] - x[1], [0.0, 0.0], 1)[1]
    assert_allclose(slope.x, [-3.0, 1.0])


def test_damped_newton_is_newton_where_that_is_good() -> None:
    f, x0 = objectives.himmelblau(), [3.2, 2.1]
    for a, b in zip(run(newton(), f, x0, 4), run(damped_newton(), f, x0, 4), strict=True):
        assert_allclose(a.x, b.x, rtol=1e-12)


def test_much_damping_is_a_gradient_step() -> None:
    start, after = run(damped_newton(1e6), objectives.himmelblau(), [3.2, 2.1], 1)
    g = objectives.himmelblau().known.gradient(start.x)
    assert_allclose(after.x - start.x, -g / 1e6, rtol=1e-3)


@pytest.mark.parametrize("factory", [damped_newton, newton_cg])
def test_the_line_search_is_yours_to_choose(factory: Any) -> None:
    half = factory(line_search=lambda oracle, at, p, first: first / 2)
    assert_allclose(run(half, quadratic([2.0]), [8.0], 3)[-1].x, [1.0])


# ── saddle-free ───────────────────────────────────────────────────────────────────────────────────


def test_on_a_quadratic_saddle_the_stable_part_ends_and_the_unstable_part_doubles() -> None:
    rng = onp.random.default_rng(4)
    f = quadratic([5.0, 0.5, -2.0, -0.1], rng=rng)
    Q = onp.linalg.eigh(f.known.hessian(onp.zeros(4)))[1]  # negative eigenvalues first
    start, *after = [Q.T @ it.x for it in run(saddle_free_newton(), f, rng.normal(size=4), 3)]
    for k, c in enumerate(after, 1):
        assert_allclose(c[:2], 2.0**k * start[:2], rtol=1e-10)
        assert_allclose(c[2:], 0, atol=1e-10)


def test_saddle_free_newton_leaves_what_attracts_newton() -> None:
    x0 = [0.2, 0.1]
    found = minimize(objectives.two_weights(), x0, saddle_free_newton())
    assert found.converged and found.value < 1e-10
    seen = run(saddle_free_newton(), objectives.two_weights(), x0, 1)[1]
    assert seen.note == "negative curvature" and seen.negative_curvature is not None


def test_flat_directions_are_held_by_the_damping() -> None:
    _, after = run(saddle_free_newton(0.1), objectives.tilted_trough(), [0.0, 1.0], 1)
    assert_allclose(after.x, [10.0, 0.0])


# ── Newton-CG ─────────────────────────────────────────────────────────────────────────────────────


class Done(Exception):
    """The gradient is small enough."""


def scipy_newton_cg(f: Objective, x0: Any, tolerance: float) -> Any:
    """What SciPy's Newton-CG evaluates, by our products, until the gradient is small."""
    oracle, made = Oracle(f), {}

    def jac(x: Any) -> Any:
        g = oracle.value_and_gradient(x.copy())[1]
        if onp.linalg.norm(g) <= tolerance:
            raise Done
        return g

    def hessp(x: Any, p: Any) -> Any:
        if x.tobytes() not in made:
            made[x.tobytes()] = oracle.hessian_operator(x.copy())
        return made[x.tobytes()] @ p

    with pytest.raises(Done):
        scipy_minimize(oracle.value, x0, method="Newton-CG", jac=jac, hessp=hessp)
    return oracle.counts


def test_newton_cg_costs_no_more_than_that_of_scipy() -> None:
    ours = theirs = our_products = their_products = 0.0
    for seed, n in enumerate((10, 20, 40, 80)):
        f, x0 = logistic(seed, n=n), onp.zeros(n)
        for tolerance in (1e-3, 1e-4, 1e-5):
            counts = scipy_newton_cg(f, x0, tolerance)
            found = minimize(f, x0, newton_cg(), stop=Stop(gradient=tolerance))
            assert found.reason == "converged"
            ours, theirs = ours + found.counts.in_gradients, theirs + counts.in_gradients
            our_products += found.counts.products
            their_products += counts.products
    assert ours <= theirs and our_products <= their_products


def test_newton_cg_counts_its_products() -> None:
    f = quadratic([1.0, 1.0, 4.0])
    seen = run(newton_cg(), f, [1.0, 1.0, 1.0], 1)
    assert 1 <= seen[1].counts.products <= 2  # two distinct eigenvalues
    assert seen[1].counts.gradients == 3


@pytest.mark.parametrize("n", [2, 10, 50])
def test_newton_cg_follows_the_valley(n: int) -> None:
    found = minimize(objectives.rosenbrock(n), None, newton_cg(), stop=Stop(steps=300))
    assert found.converged and onp.all(onp.diff(found.values) < 0)


@pytest.mark.parametrize("x0", [[1.0, 0.1], [0.1, 1.0], [0.0, 1.0]])
def test_newton_cg_reports_negative_curvature_and_goes_on(x0: list[float]) -> None:
    f = objectives.saddle()
    seen = run(newton_cg(), f, x0, 3)
    met = [it for it in seen if it.negative_curvature is not None]
    assert met and all(it.note == "negative curvature" for it in met)
    assert all(curvature(f, [0.0, 0.0], it.negative_curvature) < 0 for it in met)
    assert all(b.value < a.value for a, b in pairwise(seen))


def test_damping_falls_while_the_model_holds_and_rises_when_it_fails() -> None:
    seen = run(newton_cg(damping=0.9), quadratic([1.0, 2.0]), [1.0, 1.0], 3)
    assert_allclose([it.state.memory.damping for it in seen], 0.9 * (2 / 3) ** onp.arange(4))
    steep = Objective("steep", lambda x: np.logaddexp(0, 40 * x[0]) - 10 * x[0], 1)
    rough = newton_cg(damping=1e-3, line_search=armijo())
    lambdas = [it.state.memory.damping for it in run(rough, steep, [-0.4], 6)]
    assert max(b / a for a, b in pairwise(lambdas)) == pytest.approx(1.5)
    assert run(newton_cg(), steep, [-0.4], 3)[-1].state.memory.damping == 0


def network(loss: Any, sizes: list[int], rows: int = 60, **options: Any) -> Objective:
    rng = onp.random.default_rng(5)
    X = rng.normal(size=(rows, sizes[0]))
    y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int)
    targets = y if loss is cross_entropy else onp.eye(sizes[-1])[y]
    return mlp(sizes).objective(loss, X, targets, **options)


def test_gauss_newton_products_are_hessian_products_for_a_linear_model() -> None:
    f = network(cross_entropy, [3, 2], weight_decay=0.01)
    x0 = onp.zeros(f.dim)
    for a, b in zip(
        run(newton_cg("hessian"), f, x0, 4), run(newton_cg("ggn"), f, x0, 4), strict=True
    ):
        assert_allclose(a.x, b.x, rtol=1e-6, atol=1e-9)


def test_gauss_newton_products_train_a_network_without_negative_curvature() -> None:
    f = network(cross_entropy, [3, 8, 2], weight_decay=1e-3)
    x0 = 0.5 * onp.random.default_rng(6).normal(size=f.dim)
    found = minimize(f, x0, newton_cg("ggn", 0.1), stop=Stop(gradient=1e-2, steps=60))
    assert found.converged and found.negative_curvature is None
    assert onp.all(onp.diff(found.values) < 0)


def test_gauss_newton_products_take_residuals_too() -> None:
    assert minimize(objectives.rosenbrock(), None, newton_cg("ggn")).converged
    with pytest.raises(
        TypeError, match=r"Newton-CG needs objective\.model or objective\.residuals"
    ):
        next(newton_cg("ggn")(quadratic([1.0]), [1.0]))


@pytest.mark.parametrize(("products", "damping"), [("hessian", 0.0), ("ggn", 0.1)])
def test_mini_batches_count_as_their_share(products: str, damping: float) -> None:
    f = network(mean_squared_error, [3, 4, 2])
    x0 = 0.5 * onp.random.default_rng(7).normal(size=f.dim)
    method = newton_cg(products, damping, batch_size=15, max_products=5)
    seen = run(method, f, x0, 8)
    assert float(f(seen[-1].x)) < float(f(x0))
    assert seen[0].counts.gradients == 0.25
    assert all(it.counts.products <= 8 * 5 / 4 for it in seen)
    assert all(onp.all(a.x == b.x) for a, b in zip(seen, run(method, f, x0, 8), strict=True))
