"""Methods that divide by running averages, draw mini-batches, or look at the Hessian's diagonal."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from secondorder import minimize
from secondorder.losses import cross_entropy
from secondorder.methods import (
    Method,
    Stop,
    adahessian,
    adam,
    adamw,
    decaying,
    gradient_descent,
    heavy_ball,
    rmsprop,
    sam,
    sgd,
    sophia,
)
from secondorder.networks import mlp
from secondorder.objectives import quadratic, rosenbrock, two_weights

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3))
Y = (X @ [1.0, -2.0, 0.5] > 0).astype(int)
NET = mlp([3, 2])
TASK = NET.objective(cross_entropy, X, Y)
H = np.array([1.0, 10.0, 100.0])
BOWL, START = quadratic(H), np.array([1.0, -1.0, 0.5])


def path(method: Method, f: Any, x0: Any, steps: int, seed: int = 0) -> np.ndarray:
    run = method(f, x0, rng=np.random.default_rng(seed))
    return np.array([it.x for it in islice(run, steps + 1)])


def reference(step: Any, steps: int = 25) -> np.ndarray:
    """The recursion written out on the same gradients: step(k, x, g) -> x."""
    found, x = [START], START
    for k in range(1, steps + 1):
        x = step(k, x, H * x)
        found.append(x)
    return np.array(found)


# ── the published recursions, written out ─────────────────────────────────────────────────────────


def test_adam_is_its_published_recursion() -> None:
    m = v = np.zeros(3)

    def step(k: int, x: Any, g: Any) -> Any:
        nonlocal m, v
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        return x - 0.05 * (m / (1 - 0.9**k)) / (np.sqrt(v / (1 - 0.999**k)) + 1e-8)

    assert_allclose(path(adam(0.05), BOWL, START, 25), reference(step), rtol=1e-12)


def test_adamw_is_its_published_recursion() -> None:
    m = v = np.zeros(3)

    def step(k: int, x: Any, g: Any) -> Any:
        nonlocal m, v
        m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g * g
        ratio = (m / (1 - 0.8**k)) / (np.sqrt(v / (1 - 0.95**k)) + 1e-6)
        return x - 0.05 * (ratio + 0.3 * x)

    method = adamw(0.05, 0.8, 0.95, 1e-6, 0.3)
    assert_allclose(path(method, BOWL, START, 25), reference(step), rtol=1e-12)


def test_rmsprop_is_its_published_recursion() -> None:
    v = np.zeros(3)

    def step(k: int, x: Any, g: Any) -> Any:
        nonlocal v
        v = 0.9 * v + 0.1 * g * g
        return x - 0.01 * g / (np.sqrt(v) + 1e-8)

    assert_allclose(path(rmsprop(), BOWL, START, 25), reference(step), rtol=1e-12)


@pytest.mark.parametrize("interval", [1, 7])  # every sign vector finds a diagonal exactly
def test_adahessian_on_a_diagonal_hessian_is_adam_with_the_diagonal(interval: int) -> None:
    m = v = np.zeros(3)

    def step(k: int, x: Any, g: Any) -> Any:
        nonlocal m, v
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * H * H
        return x - 0.15 * (m / (1 - 0.9**k)) / (np.sqrt(v / (1 - 0.999**k)) + 1e-4)

    found = path(adahessian(interval=interval), BOWL, START, 25)
    assert_allclose(found, reference(step), rtol=1e-10)


def test_sophia_is_its_published_recursion() -> None:
    m, h = np.zeros(3), np.zeros(3)
    rng = np.random.default_rng(5)
    rng.integers(2**63)  # the key of the run comes first

    def step(k: int, x: Any, g: Any) -> Any:
        nonlocal m, h
        m = 0.96 * m + 0.04 * g
        if (k - 1) % 10 == 0:
            u = rng.standard_normal(3)
            h = 0.99 * h + 0.01 * u * (H * u)
        x = x - 0.02 * 0.1 * x
        return x - 0.02 * np.clip(m / np.maximum(0.01 * h, 1e-12), -1, 1)

    method = sophia(0.02, weight_decay=0.1)
    assert_allclose(path(method, BOWL, START, 25, seed=5), reference(step), rtol=1e-10)


def test_sgd_on_all_rows_is_heavy_ball() -> None:
    first = path(sgd(0.01, 0.8, batch_size=None), BOWL, START, 30)
    assert_allclose(first, path(heavy_ball(0.01, 0.8), BOWL, START, 30), rtol=1e-12)


def test_nesterov_sgd_is_its_recursion() -> None:
    v = np.zeros(3)

    def step(k: int, x: Any, g: Any) -> Any:
        nonlocal v
        v = 0.8 * v + g
        return x - 0.005 * (g + 0.8 * v)

    method = sgd(0.005, 0.8, nesterov=True, batch_size=None)
    assert_allclose(path(method, BOWL, START, 25), reference(step), rtol=1e-12)


def test_sgd_follows_a_schedule() -> None:
    def step(k: int, x: Any, g: Any) -> Any:
        return x - decaying(0.01, 0.5)(k - 1) * g

    method = sgd(decaying(0.01, 0.5), batch_size=None)
    assert_allclose(path(method, BOWL, START, 25), reference(step), rtol=1e-12)


def test_sam_steps_by_the_gradient_uphill() -> None:
    def step(k: int, x: Any, g: Any) -> Any:
        return x - 0.01 * H * (x + 0.1 * g / np.linalg.norm(g))

    method = sam(0.1, gradient_descent(0.01))
    assert_allclose(path(method, BOWL, START, 25), reference(step), rtol=1e-12)


def test_sam_on_adam_keeps_the_memory_of_adam() -> None:
    m = v = np.zeros(3)

    def step(k: int, x: Any, g: Any) -> Any:
        nonlocal m, v
        g = H * (x + 0.05 * g / np.linalg.norm(g))
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        return x - 0.05 * (m / (1 - 0.9**k)) / (np.sqrt(v / (1 - 0.999**k)) + 1e-8)

    assert_allclose(path(sam(base=adam(0.05)), BOWL, START, 25), reference(step), rtol=1e-12)


# ── closed forms ──────────────────────────────────────────────────────────────────────────────────


def test_the_first_step_of_adam_has_the_learning_rate_in_every_coordinate() -> None:
    x = path(adam(0.01), rosenbrock(5), None, 1)
    g = rosenbrock(5).known.gradient(x[0])
    assert_allclose(x[1] - x[0], -0.01 * np.sign(g), rtol=1e-6)


def test_sophia_moves_no_coordinate_farther_than_its_rate() -> None:
    x = path(sophia(0.01), rosenbrock(5), None, 50)
    assert np.max(np.abs(np.diff(x, axis=0))) <= 0.01 + 1e-15


def test_sophia_steps_by_the_sign_where_the_curvature_is_negative() -> None:
    x = path(sophia(0.01, gamma=1e6), quadratic([2.0, -2.0]), [1.0, 1.0], 1)
    assert abs(x[1, 0] - 1.0) < 1e-3  # γh is large: far from clipped
    assert x[1, 1] == 1.01


def test_the_averages_of_the_diagonal_are_right_on_average() -> None:
    A = np.array([[2.0, 0.7, -0.2], [0.7, 3.0, 0.4], [-0.2, 0.4, 5.0]])
    f = lambda x: 0.5 * x @ (A @ x)
    run = adahessian(1e-12)(f, START, rng=np.random.default_rng(0))
    D = np.array([it.state.memory.diagonal for it in islice(run, 1, 2001)])
    error = D.std(axis=0) / np.sqrt(len(D))
    assert np.all(np.abs(D.mean(axis=0) - np.diag(A)) < 4 * error)


def test_weight_decay_alone_shrinks_by_a_factor() -> None:
    x = path(adamw(0.1, weight_decay=0.5), lambda x: 0.0 * (x @ x), START, 3)
    assert_allclose(x[3], START * 0.95**3)


# ── mini-batches ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("make", "gradients", "products"),
    [
        (sgd, 1.0, 0.0),
        (rmsprop, 1.0, 0.0),
        (adam, 1.0, 0.0),
        (adamw, 1.0, 0.0),
        (sam, 1.8, 0.0),  # a second gradient in each of the four steps
        (adahessian, 1.8, 0.8),
        (sophia, 1.2, 0.2),  # the diagonal in the first step alone
    ],
)
def test_what_an_epoch_of_mini_batches_costs(make: Any, gradients: float, products: float) -> None:
    run = make(batch_size=10)(TASK, np.zeros(TASK.dim))
    last = list(islice(run, 5))[-1]  # five batches of ten rows, four steps
    assert np.isclose(last.counts.gradients, gradients)
    assert np.isclose(last.counts.products, products)


def test_the_record_is_that_of_its_mini_batch() -> None:
    for it in islice(sgd(batch_size=7)(TASK, np.ones(TASK.dim)), 10):
        batch = it.state.at.batch
        assert len(batch[0]) in (7, 1)
        assert np.isclose(it.value, float(TASK(it.x, batch)))


def test_sam_takes_the_mini_batches_of_its_base() -> None:
    assert sam(base=sgd(batch_size=5)).batch_size == 5
    assert sam(base=sgd(), batch_size=9).batch_size == 9


@pytest.mark.parametrize(
    "method",
    [sgd(0.5, 0.5), rmsprop(), adam(0.05, batch_size=10), adahessian(batch_size=25), sophia(0.05)],
    ids=lambda method: method.name,
)
def test_a_classifier_is_learnt(method: Method) -> None:
    found = minimize(TASK, np.zeros(TASK.dim), method, stop=Stop(gradient=None, steps=200))
    assert float(TASK(found.x)) < 0.5 * float(TASK(np.zeros(TASK.dim)))


def test_sam_ends_at_a_flatter_minimum_of_the_two_weights() -> None:
    x0, stop = np.array([3.0, 0.4]), Stop(gradient=None, steps=3000)
    plain = minimize(two_weights(), x0, gradient_descent(0.05), stop=stop).x
    flat = minimize(two_weights(), x0, sam(0.2, gradient_descent(0.05)), stop=stop).x
    assert flat @ flat < 0.8 * (plain @ plain)


# ── bad input ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: sgd(-1.0), "lr"),
        (lambda: sgd(0.1, 1.0), "momentum"),
        (lambda: sgd(batch_size=0), "batch_size"),
        (lambda: rmsprop(decay=1.0), "decay"),
        (lambda: rmsprop(eps=0.0), "eps"),
        (lambda: adam(beta1=1.0), "beta1"),
        (lambda: adam(beta2=-0.1), "beta2"),
        (lambda: adamw(weight_decay=-1.0), "weight_decay"),
        (lambda: adahessian(interval=0), "interval"),
        (lambda: sophia(gamma=0.0), "gamma"),
        (lambda: sam(0.0), "radius"),
        (lambda: sam(base=adam), "base must be a Method"),
        (lambda: sgd()(BOWL, START), r"needs objective\.data"),
        (lambda: list(islice(sgd(lambda k: -1.0, batch_size=None)(BOWL, START), 2)), r"lr\(0\)"),
    ],
)
def test_bad_settings_are_named(make: Any, says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        make()
