"""Losses as negative log-likelihoods: values, gradients, Fisher information and samples agree."""

import pickle

import autograd
import autograd.numpy as np
import numpy as onp
import pytest

from secondorder import losses
from secondorder.losses import CrossEntropy, MeanSquaredError, cross_entropy, mean_squared_error

RNG = onp.random.default_rng(0)
N, C = 7, 3
Z = RNG.normal(size=(N, C))
LABELS = RNG.integers(C, size=N)
SOFT = RNG.dirichlet(onp.ones(C), size=N)
CASES = {
    "labels": (cross_entropy, LABELS),
    "probabilities": (cross_entropy, SOFT),
    "squares": (mean_squared_error, RNG.normal(size=(N, C))),
}
EACH = pytest.mark.parametrize(("loss", "targets"), CASES.values(), ids=CASES)
BOTH = pytest.mark.parametrize("loss", [cross_entropy, mean_squared_error])


def softmax(z):
    e = onp.exp(z)
    return e / e.sum(axis=1, keepdims=True)


def information(loss):
    """M of every row, dense."""
    if loss is mean_squared_error:
        return onp.stack([onp.eye(C)] * N)
    return onp.stack([onp.diag(p) - onp.outer(p, p) for p in softmax(Z)])


# ── values ────────────────────────────────────────────────────────────────────────────────────────


def test_values_by_hand():
    expected = -onp.mean(onp.log(softmax(Z)[onp.arange(N), LABELS]))
    assert onp.isclose(cross_entropy.loss(Z, LABELS), expected)
    assert onp.isclose(cross_entropy.loss(Z, onp.eye(C)[LABELS]), expected)
    y = CASES["squares"][1]
    assert onp.isclose(mean_squared_error.loss(Z, y), 0.5 * onp.sum((Z - y) ** 2) / N)
    assert onp.isclose(2 / C * mean_squared_error.loss(Z, y), onp.mean((Z - y) ** 2))


def test_equal_outputs_cost_the_logarithm_of_their_number():
    for classes in (2, 10):
        value = cross_entropy.loss(onp.full((4, classes), 3.0), onp.zeros(4, int))
        assert onp.isclose(value, onp.log(classes))


def test_a_constant_added_to_a_row_changes_nothing():
    shifted = Z + onp.linspace(-500, 500, N)[:, None]
    assert onp.isclose(cross_entropy.loss(shifted, LABELS), cross_entropy.loss(Z, LABELS))


@EACH
def test_the_loss_is_the_mean_over_rows(loss, targets):
    rows = [loss.loss(Z[i : i + 1], targets[i : i + 1]) for i in range(N)]
    assert onp.isclose(loss.loss(Z, targets), onp.mean(rows))


# ── derivatives ───────────────────────────────────────────────────────────────────────────────────


@EACH
def test_gradients_are_those_of_the_rows(loss, targets):
    g = autograd.grad(loss.loss)(Z, targets)
    onp.testing.assert_allclose(loss.gradients(Z, targets), N * g, atol=1e-14)


@EACH
def test_information_is_the_hessian_of_the_loss(loss, targets):
    H = autograd.hessian(lambda z: loss.loss(np.reshape(z, (N, C)), targets))(Z.ravel())
    M = information(loss)
    for i in range(N):
        block = H.reshape(N, C, N, C)[i, :, i]
        onp.testing.assert_allclose(block * N, M[i], atol=1e-14)
    V = RNG.normal(size=(4, N, C))
    kept = V.copy()
    onp.testing.assert_allclose(loss.information(Z, V), onp.einsum("ncd,knd->knc", M, V))
    onp.testing.assert_allclose(loss.information(Z, V[0]), onp.einsum("ncd,nd->nc", M, V[0]))
    loss.information(Z, V)[...] = 0
    onp.testing.assert_array_equal(V, kept)


@BOTH
def test_information_is_the_covariance_of_the_gradients(loss):
    """F = E[g gᵀ] with targets drawn from the model, to within five standard errors."""
    rng, draws = onp.random.default_rng(1), 20_000
    z = onp.repeat(Z[:1], draws, axis=0)
    g = loss.gradients(z, loss.sample(z, rng))
    terms = g[:, :, None] * g[:, None, :]
    error = terms.std(axis=0) / onp.sqrt(draws)
    assert onp.all(onp.abs(terms.mean(axis=0) - information(loss)[0]) < 5 * error + 1e-12)
    assert onp.all(onp.abs(g.mean(axis=0)) < 5 * g.std(axis=0) / onp.sqrt(draws))


def test_information_of_softmax_ignores_constants():
    onp.testing.assert_allclose(cross_entropy.information(Z, onp.ones((N, C))), 0, atol=1e-15)


# ── samples ───────────────────────────────────────────────────────────────────────────────────────


def test_sampled_labels_come_with_the_probabilities_of_softmax():
    draws = 20_000
    z = onp.repeat(Z[:1], draws, axis=0)
    labels = cross_entropy.sample(z, onp.random.default_rng(0))
    p = softmax(Z[:1])[0]
    share = onp.bincount(labels, minlength=C) / draws
    assert onp.all(onp.abs(share - p) < 5 * onp.sqrt(p * (1 - p) / draws))


def test_certain_outputs_give_certain_labels():
    z = onp.array([[800.0, 0.0, 0.0], [0.0, 0.0, 800.0], [-800.0, 0.0, -800.0]])
    for seed in range(20):
        labels = cross_entropy.sample(z, onp.random.default_rng(seed))
        onp.testing.assert_array_equal(labels, [0, 2, 1])


@EACH
def test_samples_are_targets(loss, targets):
    first = loss.sample(Z, onp.random.default_rng(3))
    onp.testing.assert_array_equal(first, loss.sample(Z, onp.random.default_rng(3)))
    assert onp.isfinite(loss.loss(Z, first))


# ── types ─────────────────────────────────────────────────────────────────────────────────────────


@EACH
def test_float32_stays_float32(loss, targets):
    z = Z.astype(onp.float32)
    targets = targets if targets.ndim == 1 else targets.astype(onp.float32)
    g = autograd.grad(loss.loss)(z, targets)
    for value in (loss.loss(z, targets), g, loss.gradients(z, targets), loss.information(z, z)):
        assert value.dtype == onp.float32
    assert mean_squared_error.sample(z, onp.random.default_rng(0)).dtype == onp.float32


@BOTH
def test_losses_are_values(loss):
    other = pickle.loads(pickle.dumps(loss))
    assert other == loss == type(loss)() and hash(other) == hash(loss)
    assert cross_entropy != mean_squared_error
    assert {CrossEntropy, MeanSquaredError} == {type(cross_entropy), type(mean_squared_error)}


def test_gradients_leave_their_input_alone():
    z, y = Z.copy(), SOFT.copy()
    cross_entropy.gradients(z, y)
    onp.testing.assert_array_equal(z, Z)
    onp.testing.assert_array_equal(y, SOFT)


# ── bad input ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("loss", "targets", "error", "says"),
    [
        (cross_entropy, LABELS[:-1], ValueError, r"targets must have shape \(7,\) or \(7, 3\)"),
        (cross_entropy, 0, ValueError, "one label a row"),
        (cross_entropy, SOFT[:, :2], ValueError, r"targets must have shape \(7, 3\)"),
        (cross_entropy, SOFT * 2, ValueError, "probabilities that sum to 1"),
        (cross_entropy, SOFT - [[1.0, -1.0, 0.0]], ValueError, "probabilities"),
        (cross_entropy, SOFT * onp.nan, ValueError, "targets must be finite"),
        (cross_entropy, LABELS * 1.0, TypeError, r"use targets.astype\(int\)"),
        (cross_entropy, ["a"] * N, TypeError, "whole numbers"),
        (cross_entropy, LABELS + 1, ValueError, "labels from 0 to 2 for 3 outputs, got 3"),
        (cross_entropy, LABELS - 1, ValueError, "labels from 0 to 2 for 3 outputs, got -1"),
        (cross_entropy, onp.eye(C, dtype=int)[LABELS], TypeError, "targets must hold floats"),
        (mean_squared_error, Z[:, 0], ValueError, r"targets must have shape \(7, 3\)"),
        (mean_squared_error, LABELS, TypeError, "targets must hold floats"),
        (mean_squared_error, Z * onp.inf, ValueError, "targets must be finite"),
    ],
)
def test_bad_targets_are_named(loss, targets, error, says):
    for call in (loss.loss, loss.gradients):
        with pytest.raises(error, match=says):
            call(Z, targets)
    with pytest.raises(error, match=says.replace("targets", "y")):
        loss.checked(targets, (N, C), "y")


def test_one_output_needs_a_column():
    with pytest.raises(ValueError, match=r"use targets\[:, None\]"):
        mean_squared_error.loss(Z[:, :1], Z[:, 0])


@EACH
def test_bad_outputs_are_named(loss, targets):
    for z in (Z[0], onp.zeros((0, 3)), 1.0):
        for call in (loss.loss, loss.gradients):
            with pytest.raises(ValueError, match=r"z must have shape \(N, C\)"):
                call(z, targets)
        with pytest.raises(ValueError, match=r"z must have shape \(N, C\)"):
            loss.sample(z, onp.random.default_rng(0))
    for V in (Z.T, Z[0], onp.zeros((2, 2, N, C))):
        with pytest.raises(ValueError, match=r"V must have shape \(7, 3\) or \(k, 7, 3\)"):
            loss.information(Z, V)


def test_what_the_module_offers():
    assert losses.cross_entropy is cross_entropy
    assert isinstance(mean_squared_error, MeanSquaredError)
