"""Extreme eigenvalues and condition numbers against a dense factorisation."""

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator

from secondorder.estimators import (
    NoConvergenceError,
    bottom_eigenpairs,
    condition_number,
    top_eigenpairs,
)


def matrix(spectrum, seed=0):
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.normal(size=(len(spectrum), len(spectrum))))
    A = (Q * np.asarray(spectrum)) @ Q.T
    return (A + A.T) / 2


SPECTRA = {
    "small": np.linspace(-2.0, 5.0, 12),  # dense
    "large": np.linspace(-2.0, 5.0, 260) ** 3,
    "saddle": np.r_[-np.geomspace(1.0, 50.0, 100), np.geomspace(0.1, 30.0, 200)],
    "singular": np.r_[np.arange(1.0, 9.0), np.zeros(300)],
    "low rank": np.r_[0.0, np.arange(-200.0, 0.0)],  # ARPACK alone does not see the 0
}


@pytest.mark.parametrize("spectrum", list(SPECTRA.values()), ids=list(SPECTRA))
@pytest.mark.parametrize("k", [1, 4])
def test_eigenpairs_are_those_of_a_dense_factorisation(spectrum, k) -> None:
    A, ordered = matrix(spectrum), np.sort(spectrum)
    by_size = spectrum[np.argsort(-np.abs(spectrum), kind="stable")]
    for pairs, truth in (
        (top_eigenpairs(A, k), ordered[::-1][:k]),
        (bottom_eigenpairs(A, k), ordered[:k]),
        (top_eigenpairs(A, k, by="magnitude"), by_size[:k]),
    ):
        size = np.max(np.abs(spectrum))
        np.testing.assert_allclose(pairs.values, truth, rtol=1e-8, atol=1e-10 * size)
        V = pairs.vectors
        np.testing.assert_allclose(V.T @ V, np.eye(k), atol=1e-9)
        missing = np.linalg.norm(A @ V - V * pairs.values, axis=0)
        np.testing.assert_allclose(pairs.residuals, missing, atol=1e-13 * size)
        assert np.all(pairs.residuals < 1e-7 * size)
        assert pairs.residuals.shape == (k,)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-5])
def test_the_residual_bounds_the_error(tolerance) -> None:
    spectrum = np.sort(np.random.default_rng(4).normal(size=400))
    pairs = bottom_eigenpairs(matrix(spectrum), 3, tolerance=tolerance)
    nearest = np.min(np.abs(pairs.values[:, None] - spectrum), axis=1)
    assert np.all(nearest <= pairs.residuals + 1e-12)
    assert pairs.products < bottom_eigenpairs(matrix(spectrum), 3, tolerance=1e-12).products


@pytest.mark.parametrize("n", [1, 2, 9, 300])
def test_all_eigenvalues_may_be_asked_for(n) -> None:
    A = matrix(np.arange(1.0, n + 1))
    pairs = top_eigenpairs(A, n)
    np.testing.assert_allclose(pairs.values, np.arange(n, 0, -1.0))
    assert pairs.products == n
    with pytest.raises(ValueError, match=f"k must be at most n = {n}"):
        bottom_eigenpairs(A, n + 1)


@pytest.mark.parametrize("n", [6, 300])
@pytest.mark.parametrize("scale", [0.0, 3.0])
def test_multiples_of_the_identity(n, scale) -> None:
    for find in (top_eigenpairs, bottom_eigenpairs):
        pairs = find(scale * np.eye(n), 3)
        np.testing.assert_allclose(pairs.values, scale, atol=1e-12)
        np.testing.assert_allclose(pairs.vectors.T @ pairs.vectors, np.eye(3), atol=1e-9)
        assert np.all(pairs.residuals < 1e-9)


def test_too_few_restarts_keep_what_converged() -> None:
    A = np.diag(np.r_[np.linspace(0.0, 1.0, 500), 9.0])
    with pytest.raises(NoConvergenceError, match=r"1 of 3 .*restarts.*A @ np.eye\(501\)") as caught:
        top_eigenpairs(A, 3, restarts=4)
    found = caught.value.found
    np.testing.assert_allclose(found.values, [9.0])
    assert found.vectors.shape == (501, 1) and found.residuals[0] < 1e-6
    assert 20 < found.products < 150
    with pytest.raises(NoConvergenceError, match="0 of 2") as caught:
        bottom_eigenpairs(A, 2, restarts=1)
    assert caught.value.found.vectors.shape == (501, 0)
    assert len(caught.value.found.values) == len(caught.value.found.residuals) == 0


@pytest.mark.parametrize("find", [top_eigenpairs, bottom_eigenpairs])
def test_bad_settings_are_named(find) -> None:
    for bad in (0.0, -1e-3, np.nan):
        with pytest.raises(ValueError, match="tolerance must be"):
            find(np.eye(4), 1, tolerance=bad)
    with pytest.raises(ValueError, match='by must be "value" or "magnitude", got \'size\''):
        top_eigenpairs(np.eye(4), 1, by="size")


def test_an_error_inside_a_product_is_not_hidden() -> None:
    calls = [0]

    def product(v):
        calls[0] += 1
        if calls[0] > 6:
            raise RuntimeError("the worker died")
        return v * np.arange(1.0, 301.0).reshape(v.shape[:1] + (1,) * (v.ndim - 1))

    A = LinearOperator((300, 300), matvec=product, dtype=float)
    with pytest.raises(RuntimeError, match="the worker died"):
        top_eigenpairs(A, 2)


# ── condition number ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("spectrum", [np.geomspace(2.0, 60.0, 20), np.geomspace(0.1, 4.0, 250)])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_condition_number_is_that_of_a_dense_matrix(spectrum, sign) -> None:
    A = matrix(sign * spectrum)
    kappa = condition_number(A, rng=np.random.default_rng(3))
    np.testing.assert_allclose(float(kappa), np.linalg.cond(A), rtol=1e-8)
    assert abs(float(kappa) - spectrum[-1] / spectrum[0]) <= kappa.error + 1e-9


def test_a_loose_tolerance_shows_in_the_error() -> None:
    spectrum = np.r_[np.linspace(1.0, 2.0, 299), 10.0]
    kappa = condition_number(matrix(spectrum), tolerance=1e-2)
    assert 1e-6 < kappa.error < 2.0 and abs(float(kappa) - 10.0) <= kappa.error


@pytest.mark.parametrize(
    ("spectrum", "words"),
    [
        ([0.0, 0.0], "singular"),
        ([0.0, 1.0, 2.0], r"A is singular, or too near it to tell: \|λ\| goes from 0 to 2"),
        ([-1.0, 0.0], "singular"),
        ([1e-17, 1.0], "singular"),
        ([-2.0, 1.0, 3.0], "A is indefinite: its eigenvalues go from -2 to 3"),
        (np.r_[np.zeros(250), np.ones(50)], "singular"),
        (np.r_[np.zeros(200), np.arange(1.0, 101.0)], "singular"),
    ],
)
def test_a_matrix_without_a_condition_number_is_refused(spectrum, words) -> None:
    with pytest.raises(ValueError, match=words):
        condition_number(np.diag(np.asarray(spectrum, float)))
