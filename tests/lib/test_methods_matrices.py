"""Shampoo, Muon and SOAP: closed forms, what rotating the weights does, training a network."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice, pairwise
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from secondorder import data, gradient, minimize
from secondorder.layout import Layout
from secondorder.losses import cross_entropy
from secondorder.methods import (
    Method,
    Stop,
    adam,
    adamw,
    gradient_descent,
    muon,
    newton_schulz,
    shampoo,
    soap,
)
from secondorder.networks import mlp
from secondorder.objectives import Objective

RNG = np.random.default_rng(0)
CUBIC = (1.5, -0.5)
A, B = RNG.normal(size=(5, 4)), RNG.normal(size=(5, 4))
SQUARE = Layout(("W",), ((4, 4),))
WIDE = Layout(("W", "b"), ((3, 4), (4,)))


def trail(method: Method, f: Any, x0: Any, steps: int) -> Any:
    """The iterates as rows."""
    return np.array([it.x for it in islice(method(f, x0), steps + 1)])


def linear(C: Any, layout: Layout | None = None) -> Objective:
    """f(x) = cᵀx, whose gradient is the same everywhere."""
    c = np.ravel(C)
    return Objective("linear", lambda x: c @ x, c.size, layout=layout)


def polar(G: Any) -> Any:
    U, _, Vt = np.linalg.svd(G, full_matrices=False)
    return U @ Vt


# ── Newton–Schulz ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (1, 5), (5, 1)])
def test_the_cubic_converges_to_the_polar_factor(shape: tuple[int, int]) -> None:
    M = RNG.normal(size=shape)
    X = newton_schulz(M, 60, CUBIC)
    assert_allclose(X, polar(M), atol=1e-10)
    H = X.T @ M  # of M = XH: symmetric, and no eigenvalue below zero
    assert_allclose(H, H.T, atol=1e-9)
    assert np.linalg.eigvalsh(H).min() > -1e-9


@given(
    st.lists(st.floats(0.02, 1), min_size=1, max_size=5), st.integers(0, 3), st.integers(0, 1000)
)
def test_muons_quintic_reaches_its_band_and_no_more(
    values: list[float], more: int, seed: int
) -> None:
    rng, n = np.random.default_rng(seed), len(values)
    U = np.linalg.qr(rng.normal(size=(n, n)))[0]
    V = np.linalg.qr(rng.normal(size=(n + more, n + more)))[0][:, :n]
    M = U @ np.diag(values) @ V.T
    X = newton_schulz(M)
    s = np.linalg.svd(X, compute_uv=False)
    if min(values) > 0.01 * np.linalg.norm(values):
        assert 0.68 < s.min() and s.max() < 1.135
    assert_allclose(U.T @ X @ V, np.diag(np.diag(U.T @ X @ V)), atol=1e-12)  # the same vectors


def test_muons_quintic_does_not_settle_at_one() -> None:
    s = np.diag(newton_schulz(np.diag(np.linspace(0.1, 1, 50)), 200))
    assert s.min() < 0.75 and s.max() > 1.1


@given(arrays(float, (3, 2), elements=st.floats(-1e3, 1e3)), st.sampled_from([1e-200, 1e-5, 1e200]))
def test_neither_the_length_nor_the_orientation_of_m_matters(M: Any, scale: float) -> None:
    if np.abs(M).max() < 1e-3:
        M = M + np.eye(3)[:, :2]
    assert_allclose(newton_schulz(scale * M), newton_schulz(M), rtol=1e-9, atol=1e-12)
    assert_allclose(newton_schulz(M.T), newton_schulz(M).T, atol=1e-12)


def test_zeros_stay_and_float32_stays() -> None:
    assert not newton_schulz(np.zeros((2, 3))).any()
    assert newton_schulz(np.ones((2, 3), np.float32)).dtype == np.float32


def test_one_coefficient_is_a_multiplication() -> None:
    assert_allclose(newton_schulz(np.eye(4), 3, (2.0,)), 4 * np.eye(4))


# ── closed forms ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("decay", [None, 0.9])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
def test_the_first_step_of_shampoo_is_the_polar_factor(
    shape: tuple[int, int], momentum: float, decay: float | None
) -> None:
    """G (GᵀG)^(−½), whether sums or averages are kept."""
    G = RNG.normal(size=shape)
    method = shampoo(1.0, 1e-14, momentum, decay, layout=Layout(("W",), (shape,)))
    step = np.diff(trail(method, linear(G), np.zeros(G.size), 1), axis=0)[0]
    assert_allclose(step.reshape(shape), -polar(G), atol=1e-3)


def test_shampoo_with_sums_shrinks_as_one_over_the_root_of_k() -> None:
    x = trail(shampoo(1.0, 1e-14, layout=SQUARE), linear(A[:4]), np.zeros(16), 9)
    steps = np.linalg.norm(np.diff(x, axis=0), axis=1)
    assert_allclose(steps / steps[0], 1 / np.sqrt(np.arange(1, 10)), rtol=1e-6)
    averages = trail(shampoo(1.0, 1e-14, decay=0.5, layout=SQUARE), linear(A[:4]), np.zeros(16), 9)
    assert_allclose(np.linalg.norm(np.diff(averages, axis=0), axis=1), steps[0], rtol=1e-6)


def test_shampoo_of_a_vector_is_full_adagrad() -> None:
    f = Objective("bowl", lambda x: anp.sum(anp.array([1.0, 9.0, 4.0]) * x**2) + x[0] * x[1], 3)
    x = trail(shampoo(0.1, 1e-3), f, np.array([1.0, -1.0, 0.5]), 6)
    total = 1e-3 * np.eye(3)
    for now, then in pairwise(x):
        g = 2 * np.array([1.0, 9.0, 4.0]) * now + np.array([now[1], now[0], 0.0])
        total += np.outer(g, g)
        values, Q = np.linalg.eigh(total)
        assert_allclose(then, now - 0.1 * Q @ ((Q.T @ g) / np.sqrt(values)), rtol=1e-9)


def test_shampoo_of_a_long_vector_is_diagonal_adagrad() -> None:
    G = np.array([3.0, -4.0, 5.0])
    x = trail(shampoo(1.0, 1e-14, largest=2), linear(G), np.zeros(3), 2)
    assert_allclose(x, -np.outer([0, 1, 1 + 0.5**0.5], np.sign(G)), atol=1e-9)


def test_shampoo_knows_arrays_of_more_axes_and_single_numbers() -> None:
    """Three axes have the power −1/6: a multiple of the identity in each gives 1/‖g‖."""
    layout = Layout(("T", "c"), ((2, 2, 2), ()))
    G = np.zeros((2, 2, 2))
    G[0, 0, 0], G[1, 1, 1] = 5.0, -7.0
    x = trail(shampoo(1.0, 1e-14, layout=layout), linear([*G.ravel(), 2.0]), np.zeros(9), 1)
    assert_allclose(x[1], [-1, *[0] * 6, 1, -1], atol=1e-4)


def test_old_roots_are_used_between_the_intervals() -> None:
    """The first three roots are new ones."""
    x = trail(shampoo(1.0, 1e-14, layout=SQUARE, interval=3), linear(A[:4]), np.zeros(16), 7)
    steps = np.linalg.norm(np.diff(x, axis=0), axis=1)
    assert_allclose(
        steps / steps[0], [1, 1 / 2**0.5, 1 / 3**0.5, 0.5, 0.5, 0.5, 1 / 7**0.5], rtol=1e-6
    )


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
def test_the_steps_of_muon_lie_in_the_band(shape: tuple[int, int]) -> None:
    f = Objective("bowl", lambda x: 0.5 * anp.sum(x**2), 15 if 3 in shape else 16)
    method = muon(0.01, layout=Layout(("W",), (shape,)))
    x = trail(method, f, 3 * polar(RNG.normal(size=shape)).ravel() + 0.1, 20)
    scale = max(1, shape[1] / shape[0]) ** 0.5  # a matrix is (inputs, outputs)
    for step in np.diff(x, axis=0):
        s = np.linalg.svd(step.reshape(shape), compute_uv=False) / 0.01 / scale
        assert 0.68 < s.min() and s.max() < 1.135


def test_muon_follows_the_momentum_of_nesterov() -> None:
    G = RNG.normal(size=(4, 4))
    f = Objective("bowl", lambda x: 0.5 * anp.sum(x**2), 16)
    x = trail(muon(0.1, 0.8, weight_decay=0.5, layout=SQUARE), f, G.ravel(), 4)
    buffer = np.zeros((4, 4))
    for now, then in pairwise(x):
        W = now.reshape(4, 4)
        buffer = 0.8 * buffer + W  # the form of the write-up: only the length differs
        expected = W - 0.1 * (newton_schulz(W + 0.8 * buffer) + 0.5 * W)
        assert_allclose(then.reshape(4, 4), expected, atol=1e-12)


def test_what_is_no_matrix_is_moved_by_adamw() -> None:
    f = Objective("valley", lambda x: anp.sum(x**4) + anp.sum(x[1:] * x[:-1]), 16, layout=WIDE)
    x0 = RNG.normal(size=16)
    alone = Objective("valley", f.fun, 16)
    options = {"weight_decay": 0.1, "beta2": 0.95}
    ours = trail(muon(adam_lr=0.02, eps=1e-10, **options), alone, x0, 10)
    assert_allclose(ours, trail(adamw(0.02, eps=1e-10, **options), alone, x0, 10), rtol=1e-12)
    ours = trail(soap(0.02, 0.9, **options), alone, x0, 11)
    assert_allclose(ours[1:], trail(adamw(0.02, 0.9, **options), alone, x0, 10), rtol=1e-12)
    # With a matrix before it, the bias is still moved by Adam.
    first = trail(muon(adam_lr=0.02), f, x0, 1)
    assert_allclose(np.abs(np.diff(first, axis=0)[0, 12:]), 0.02, rtol=1e-6)


def test_hidden_only_leaves_the_outer_matrices_to_adam() -> None:
    net, x0 = mlp([3, 4, 5, 2]), mlp([3, 4, 5, 2]).start(np.random.default_rng(0))
    f = net.objective(cross_entropy, RNG.normal(size=(20, 3)), RNG.integers(2, size=20))
    by_adam = trail(muon(1e-3, adam_lr=0.1, hidden_only=True), f, x0, 1)
    steps = net.layout.split(np.diff(by_adam, axis=0)[0])
    assert {name: bool(np.allclose(np.abs(p), 0.1, rtol=1e-3)) for name, p in steps.items()} == {
        "W1": True,
        "b1": True,
        "W2": False,
        "b2": True,
        "W3": True,
        "b3": True,
    }
    all_of_them = trail(muon(1e-3, adam_lr=0.1), f, x0, 1)
    for name, p in net.layout.split(np.diff(all_of_them, axis=0)[0]).items():
        assert bool(np.abs(p).max() < 0.01) == name.startswith("W")


# ── SOAP and its basis ────────────────────────────────────────────────────────────────────────────


def test_soap_is_adam_where_the_factors_are_diagonal() -> None:
    """A diagonal W whose gradient stays diagonal: every eigenvector is a coordinate."""
    c = np.array([1.0, 3.0, 9.0, 20.0])
    f = Objective("bowl", lambda x: anp.sum(c * anp.diag(anp.reshape(x, (4, 4))) ** 2), 16)
    x0 = np.diag([1.0, -1.0, 2.0, 0.5]).ravel()
    ours = trail(soap(0.01, layout=SQUARE, precondition_frequency=3), f, x0, 31)
    assert_allclose(ours[0], ours[1])  # the first step makes the basis
    assert_allclose(ours[1:], trail(adam(0.01, 0.95, 0.95), f, x0, 30), atol=1e-6)


def test_the_basis_stays_orthonormal_and_sorted_and_finds_the_eigenvectors() -> None:
    net = mlp([3, 4, 2])
    f = net.objective(cross_entropy, RNG.normal(size=(20, 3)), RNG.integers(2, size=20))
    x0 = net.start(np.random.default_rng(0))
    run = soap(1e-3, layout=net.layout, precondition_frequency=2)(f, x0)
    for it in islice(run, 200):
        for turned in it.state.memory:
            for Q in turned.bases:
                assert_allclose(Q.T @ Q, np.eye(len(Q)), atol=1e-12)
    for turned in it.state.memory:
        for factor, Q in zip(turned.factors, turned.bases, strict=True):
            T = Q.T @ factor @ Q
            assert_allclose(T, np.diag(np.diag(T)), atol=2e-2 * T.max())
            assert np.all(np.diff(np.diag(T)) < 1e-2 * T.max())


def test_a_renewal_is_one_step_of_power_iteration_by_qr() -> None:
    run = soap(0.01, layout=SQUARE, precondition_frequency=4)(
        Objective("valley", lambda x: anp.sum((A @ anp.reshape(x, (4, 4))) ** 4), 16),
        RNG.normal(size=16),
    )
    states = [it.state.memory[0] for it in islice(run, 6)]
    for before, after in pairwise(states[:5]):  # steps 0 to 3
        assert_allclose(before.bases[0], after.bases[0])
    old, new = states[4].bases[0], states[5].bases[0]  # step 4
    LQ = states[5].factors[0] @ old
    order = np.argsort(-np.diag(old.T @ LQ))
    signs = np.sign(np.sum(np.linalg.qr(LQ[:, order])[0] * new, axis=0))
    assert_allclose(np.linalg.qr(LQ[:, order])[0] * signs, new, atol=1e-12)


def test_the_run_is_that_of_the_authors_code() -> None:
    """Theirs keeps M in the turned coordinates, and turns it twice at a renewal."""
    f, x0 = turned(np.eye(4)), RNG.normal(size=16)
    ours = trail(soap(0.05, 0.9, 0.95, layout=SQUARE, precondition_frequency=3), f, x0, 20)
    M = V = np.zeros((4, 4))
    for k, x in enumerate(ours[:-1]):
        G = gradient(f, x).reshape(4, 4)
        if k == 0:
            L, R = 0.05 * G @ G.T, 0.05 * G.T @ G
            QL, QR = (np.linalg.eigh(A)[1][:, ::-1] for A in (L, R))
            continue
        turned_G = QL.T @ G @ QR
        M, V = 0.9 * M + 0.1 * turned_G, 0.95 * V + 0.05 * turned_G**2
        length = 0.05 * (1 - 0.95**k) ** 0.5 / (1 - 0.9**k)
        step = QL @ (M / (np.sqrt(V) + 1e-8)) @ QR.T
        assert_allclose(ours[k + 1].reshape(4, 4), x.reshape(4, 4) - length * step, atol=1e-6)
        M = QL @ M @ QR.T
        L, R = 0.95 * L + 0.05 * G @ G.T, 0.95 * R + 0.05 * G.T @ G
        if k % 3 == 0:
            left, right = (np.argsort(-np.diag(Q.T @ A @ Q)) for A, Q in ((L, QL), (R, QR)))
            V = V[left][:, right]
            QL, QR = np.linalg.qr(L @ QL[:, left])[0], np.linalg.qr(R @ QR[:, right])[0]
        M = QL.T @ M @ QR


def test_a_long_axis_keeps_its_coordinates() -> None:
    layout = Layout(("W",), ((2, 8),))
    f = Objective("bowl", lambda x: 0.5 * anp.sum(x**2), 16)
    *_, last = islice(soap(0.01, layout=layout, largest=4)(f, RNG.normal(size=16)), 13)
    left, right = last.state.memory[0].bases
    assert left.shape == (2, 2) and np.array_equal(right, np.ones(8))
    everywhere = trail(soap(0.01, layout=layout, largest=1), f, A.ravel()[:16], 12)
    assert_allclose(everywhere[1:], trail(adam(0.01, 0.95, 0.95), f, A.ravel()[:16], 11))


# ── rotations ─────────────────────────────────────────────────────────────────────────────────────


def turned(Q: Any) -> Objective:
    """The function f(W) = Σ (AW − B)⁴ + ½‖W‖² of W, written in the coordinates QW."""

    def value(x: Any) -> Any:
        W = Q.T @ anp.reshape(x, (4, 4))
        return 0.01 * anp.sum((A @ W - B) ** 4) + 0.5 * anp.sum(W**2)

    return Objective("turned", value, 16)


@pytest.mark.parametrize(
    ("method", "follows"),
    [
        (shampoo(0.1, layout=SQUARE), True),
        (shampoo(0.1, momentum=0.9, decay=0.9, layout=SQUARE, interval=2), True),
        (muon(0.05, layout=SQUARE), True),
        (soap(0.05, layout=SQUARE, precondition_frequency=3), True),
        (gradient_descent(0.01), True),
        (adam(0.05), False),
        (shampoo(0.1, layout=SQUARE, largest=2), False),
    ],
)
def test_the_run_turns_with_the_rows_of_w(method: Method, follows: bool) -> None:
    Q = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 4)))[0]
    W0 = np.random.default_rng(4).normal(size=(4, 4))
    plain = trail(method, turned(np.eye(4)), W0.ravel(), 12)[-1].reshape(4, 4)
    other = trail(method, turned(Q), (Q @ W0).ravel(), 12)[-1].reshape(4, 4)
    assert not np.allclose(plain, W0, atol=0.1)
    assert np.allclose(Q @ plain, other, atol=1e-6) == follows


# ── a network, and what is refused ────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def digits() -> Objective:
    found = data.digits()
    return mlp([64, 16, 10]).objective(cross_entropy, found.X[:400], found.y[:400])


@pytest.mark.parametrize(
    "method",
    [
        shampoo(0.5, momentum=0.9, batch_size=100),
        muon(0.05, adam_lr=0.01, batch_size=100),
        soap(0.02, batch_size=100),
    ],
    ids=["shampoo", "muon", "soap"],
)
def test_they_train_a_network(method: Method, digits: Objective) -> None:
    x0 = mlp([64, 16, 10]).start(np.random.default_rng(0))
    found = minimize(digits, x0, method, stop=Stop(gradient=None, steps=60))
    assert float(digits(found.x)) < 0.1 * float(digits(x0))
    assert found.counts.gradients == pytest.approx(61 / 4)  # one a step, and the first record


def test_the_layout_is_that_of_the_objective_unless_one_is_given(digits: Objective) -> None:
    x0, vector = mlp([64, 16, 10]).start(np.random.default_rng(0)), Layout(("x",), ((digits.dim,),))
    for make in (muon, soap):
        own = trail(make(), digits, x0, 3)
        assert_allclose(trail(make(layout=digits.layout), digits, x0, 3), own)
        assert not np.allclose(trail(make(layout=vector), digits, x0, 3), own)


@pytest.mark.parametrize("make", [shampoo, muon, soap])
def test_a_layout_of_another_size_is_refused(make: Callable[..., Method]) -> None:
    with pytest.raises(ValueError, match="layout has 16 parameters, the objective 3"):
        next(make(layout=SQUARE)(linear([1.0, 2.0, 3.0]), np.zeros(3)))
    with pytest.raises(TypeError, match=r"layout must be a Layout such as network\.layout"):
        make(layout=((4, 4),))


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("a",), TypeError, "M must hold real floats"),
        (([1.0, 2.0],), ValueError, "M must be a matrix"),
        (([[1.0, np.nan]],), ValueError, "M must be finite"),
        ((A, 0), ValueError, "steps must be a whole number from 1 on"),
        ((A, 2.5), ValueError, "steps"),
        ((A, 5, ()), ValueError, "coefficients is empty"),
        ((A, 5, "ab"), TypeError, "coefficients"),
        ((A, 5, 1.5), TypeError, "coefficients must be a list"),
    ],
)
def test_newton_schulz_refuses_what_it_cannot_use(arguments: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        newton_schulz(*arguments)
