"""K-FAC: its factors against dense Fisher blocks, and how well it trains."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from secondorder import data, minimize
from secondorder.curvature import fisher_operator
from secondorder.losses import cross_entropy, mean_squared_error
from secondorder.methods import Stop, gradient_descent, kfac
from secondorder.networks import mlp

RNG = np.random.default_rng(0)


def factors(network: Any, f: Any, x: Any, samples: int) -> Any:
    """The averages of A and S over many draws of the targets, at one x."""
    method = kfac(network, lr=1e-300, decay=0.999999)
    rng = np.random.default_rng(1)
    return list(islice(method(f, x, rng=rng), samples + 1))[-1].state.memory


def test_one_linear_layer_of_squares_is_exact() -> None:
    """S is the identity on average, and F = A ⊗ I."""
    net = mlp([3, 2])
    f = net.objective(mean_squared_error, RNG.normal(size=(40, 3)), RNG.normal(size=(40, 2)))
    x = RNG.normal(size=net.dim)
    found = factors(net, f, x, 3000)
    F = fisher_operator(f, x) @ np.eye(net.dim)
    assert_allclose(np.kron(found.A[0], np.eye(2)), F, atol=1e-12)
    assert_allclose(found.S[0], np.eye(2), atol=0.05)


def test_one_row_of_a_softmax_is_exact() -> None:
    """With one row there is nothing to average: the block is A ⊗ S in this order."""
    net = mlp([3, 4])
    f = net.objective(cross_entropy, RNG.normal(size=(1, 3)), [2])
    x = RNG.normal(size=net.dim)
    found = factors(net, f, x, 6_000)
    F = fisher_operator(f, x) @ np.eye(net.dim)
    assert_allclose(np.kron(found.A[0], found.S[0]), F, atol=0.08 * np.abs(F).max())


def test_every_layer_of_a_deep_net_with_one_row() -> None:
    net = mlp([2, 3, 2])
    f = net.objective(cross_entropy, RNG.normal(size=(1, 2)), [0])
    x = RNG.normal(size=net.dim)
    found = factors(net, f, x, 6_000)
    F = fisher_operator(f, x) @ np.eye(net.dim)
    start = 0
    for A, S in zip(found.A, found.S, strict=True):
        stop = start + len(A) * len(S)
        block = F[start:stop, start:stop]
        assert_allclose(np.kron(A, S), block, atol=0.08 * np.abs(F).max())
        start = stop
    assert start == net.dim


def test_the_step_solves_with_the_damped_factors() -> None:
    net = mlp([3, 4, 2], "softplus")
    f = net.objective(cross_entropy, RNG.normal(size=(30, 3)), RNG.integers(2, size=30))
    x = RNG.normal(size=net.dim)
    first, second = islice(kfac(net, lr=1.0, damping=0.1)(f, x), 2)
    memory, g, start = second.state.memory, first.state.at.g, 0
    for A, S in zip(memory.A, memory.S, strict=True):
        stop = start + len(A) * len(S)
        pi = np.sqrt((np.trace(A) / len(A)) / (np.trace(S) / len(S)))
        damped = np.kron(
            A + pi * np.sqrt(0.1) * np.eye(len(A)), S + np.sqrt(0.1) / pi * np.eye(len(S))
        )
        step = (second.x - first.x)[start:stop]
        assert_allclose(damped @ step, -g[start:stop], rtol=1e-9, atol=1e-12)
        start = stop


@pytest.fixture(scope="module")
def digits() -> Any:
    found = data.digits()
    return found.X[:400], found.y[:400]


def test_it_gets_farther_than_gradient_descent_in_as_many_steps(digits: Any) -> None:
    net = mlp([64, 16, 10])
    f = net.objective(cross_entropy, *digits)
    x0 = net.start(np.random.default_rng(0))
    stop = Stop(gradient=None, steps=15)
    best = min(minimize(f, x0, gradient_descent(lr), stop=stop).value for lr in (0.3, 1.0, 3.0))
    assert minimize(f, x0, kfac(net), stop=stop).value < 0.5 * best


def test_mini_batches_and_old_factors(digits: Any) -> None:
    net = mlp([64, 16, 10])
    f = net.objective(cross_entropy, *digits, weight_decay=1e-3)
    x0 = net.start(np.random.default_rng(0))
    stop = Stop(gradient=None, steps=30)
    found = minimize(f, x0, kfac(net, batch_size=100, interval=3), stop=stop)
    assert float(f(found.x)) < 0.4 * float(f(x0))
    # A product a step. A gradient a record and another a step, and one for every ten new factors.
    assert found.counts.products == pytest.approx(30 / 4)
    assert found.counts.gradients == pytest.approx((31 + 30 + 10) / 4)


def test_float32_stays_float32(digits: Any) -> None:
    net = mlp([64, 4, 10])
    X, y = digits
    f = net.objective(cross_entropy, X.astype(np.float32), y)
    x0 = net.start(np.random.default_rng(0), dtype=np.float32)
    *_, last = islice(kfac(net)(f, x0), 3)
    assert last.x.dtype == np.float32


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: kfac(None), TypeError, "network must be a Network"),
        (lambda: kfac(mlp([1, 1]), lr=0.0), ValueError, "lr"),
        (lambda: kfac(mlp([1, 1]), damping=0.0), ValueError, "damping"),
        (lambda: kfac(mlp([1, 1]), decay=1.0), ValueError, "decay"),
        (lambda: kfac(mlp([1, 1]), interval=0), ValueError, "interval"),
        (lambda: kfac(mlp([1, 1]))(lambda x: x @ x, [1.0, 1.0]), TypeError, "objective.data"),
        (
            lambda: next(kfac(mlp([1, 1]))(WIDE, np.zeros(4))),
            ValueError,
            "network has 2 parameters",
        ),
    ],
)
def test_bad_input(call: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        call()


WIDE = mlp([1, 2]).objective(cross_entropy, np.ones((3, 1)), [0, 1, 0])


def test_at_a_stationary_point_it_stays() -> None:
    net = mlp([1, 1])
    f = net.objective(mean_squared_error, np.ones((2, 1)), np.zeros((2, 1)))
    first, second = islice(kfac(net)(f, np.zeros(2)), 2)
    assert second.note == "stationary" and np.array_equal(first.x, second.x)
