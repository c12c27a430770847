"""Lanczos and what its quadrature gives: density, log-determinant, effective dimension."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator
from scipy.stats import wasserstein_distance

from secondorder.estimators import (
    effective_dimension,
    lanczos,
    lanczos_runs,
    log_determinant,
    spectral_density,
)


def matrix(spectrum, seed=0):
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.normal(size=(len(spectrum), len(spectrum))))
    A = (Q * np.asarray(spectrum)) @ Q.T
    return (A + A.T) / 2


def test_estimators_do_not_load_autograd() -> None:
    code = "import sys, secondorder.estimators; print('autograd' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


# ── Lanczos ───────────────────────────────────────────────────────────────────────────────────────

SPECTRA = {
    "flat": np.linspace(-1.0, 3.0, 120),
    "decay": np.geomspace(1e-10, 1.0, 120),
    "cluster": np.r_[np.linspace(0.0, 1e-3, 115), 1.0, 2.0, 3.0, 4.0, 50.0],
}


@pytest.mark.parametrize("spectrum", list(SPECTRA.values()), ids=list(SPECTRA))
@pytest.mark.parametrize("steps", [1, 2, 40, 100])
def test_lanczos_makes_a_tridiagonal_matrix_in_an_orthonormal_basis(spectrum, steps) -> None:
    A = matrix(spectrum)
    run = lanczos(A, steps, rng=np.random.default_rng(1))
    Q, m = run.Q, run.alpha.size
    T = np.diag(run.alpha) + np.diag(run.beta[:-1], 1) + np.diag(run.beta[:-1], -1)
    rest = A @ Q - Q @ T
    size = np.max(np.abs(spectrum))
    assert m == run.products <= steps
    np.testing.assert_allclose(Q.T @ Q, np.eye(m), atol=1e-13)
    np.testing.assert_allclose(rest[:, :-1], 0, atol=1e-12 * size)
    np.testing.assert_allclose(np.linalg.norm(rest[:, -1]), run.beta[-1], atol=1e-12 * size)


def test_no_eigenvalue_is_found_twice() -> None:
    run = lanczos(np.diag(np.r_[np.linspace(0.0, 1.0, 195), np.arange(10.0, 60.0, 10.0)]), 100)
    nodes, _ = run.quadrature()
    np.testing.assert_allclose(nodes[-5:], np.arange(10.0, 60.0, 10.0), rtol=1e-10)
    assert nodes[-6] < 1.1


@pytest.mark.parametrize("distinct", [1, 3, 6])
def test_lanczos_stops_at_an_invariant_subspace(distinct) -> None:
    values = np.repeat(np.arange(1.0, distinct + 1), 10)
    run = lanczos(matrix(values), 50)
    assert run.products == distinct and run.beta[-1] == 0
    np.testing.assert_allclose(run.quadrature()[0], np.arange(1.0, distinct + 1), rtol=1e-10)


def test_a_start_vector_decides_what_is_seen() -> None:
    run = lanczos(np.diag([1.0, 2.0, 5.0]), 9, start=[3e200, 0.0, 3e200])
    nodes, weights = run.quadrature()
    np.testing.assert_allclose(nodes, [1.0, 5.0])
    np.testing.assert_allclose(weights, [0.5, 0.5])


@pytest.mark.parametrize("degree", range(8))
def test_quadrature_is_exact_up_to_degree_2m_minus_1(degree) -> None:
    A, v = matrix(SPECTRA["flat"]), np.random.default_rng(2).normal(size=120)
    nodes, weights = lanczos(A, 6, start=v).quadrature(4)
    truth = v @ np.linalg.matrix_power(A, degree) @ v / (v @ v)
    assert nodes.size == 4
    np.testing.assert_allclose(weights @ nodes**degree, truth, rtol=1e-10)


def test_runs_go_in_step_and_are_those_of_single_calls() -> None:
    A, widths = matrix(np.repeat([1.0, 2.0, 4.0, 7.0], 10)), []

    def matmat(V):
        widths.append(V.shape[1])
        return A @ V

    starts = np.random.default_rng(5).normal(size=(40, 3))
    starts[:, 1] = np.linalg.eigh(A)[1][:, 0]  # an eigenvector: done after one step
    operator = LinearOperator(A.shape, matvec=lambda v: A @ v, matmat=matmat, dtype=float)
    runs = lanczos_runs(operator, 3, starts, vectors=True)
    assert widths == [3, 2, 2]
    assert [run.products for run in runs] == [3, 1, 3]
    for run, start in zip(runs, starts.T, strict=True):
        single = lanczos(A, 3, start=start)
        np.testing.assert_allclose(run.alpha, single.alpha, rtol=1e-10)
        np.testing.assert_allclose(run.beta, single.beta, rtol=1e-10)
        np.testing.assert_allclose(run.Q, single.Q, atol=1e-10)
    assert lanczos_runs(A, 2, starts)[0].Q is None
    assert [run.products for run in lanczos_runs(A, 1, starts[:, 1:2])] == [1]
    assert len(lanczos_runs(A, 30, starts[:, 1:2])[0].alpha) == 1


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda A: lanczos(A, 3, start=[0.0, 0.0]), ValueError, "a start vector is zero"),
        (lambda A: lanczos(A, 3, start=[1.0]), ValueError, r"start must have shape \(2,\)"),
        (lambda A: lanczos(A, 3, start=[1, 2]), TypeError, "start must hold floats"),
        (lambda A: lanczos(A, 3, start=[np.nan, 1.0]), ValueError, "start must be finite"),
        (lambda A: lanczos_runs(A, 3, [1.0, 2.0]), ValueError, r"starts must have shape \(2, k\)"),
        (lambda A: lanczos_runs(A, 3, np.ones((3, 1))), ValueError, "starts must have shape"),
        (lambda A: lanczos_runs(A, 3, np.ones((2, 0))), ValueError, "starts must have shape"),
        (lambda A: lanczos(A, 3).quadrature(0), ValueError, "steps must be a whole number"),
        (lambda A: lanczos(A, 3).quadrature(3), ValueError, "steps must be .*2, the steps"),
    ],
)
def test_bad_starts_and_steps_are_named(call, error, words) -> None:
    with pytest.raises(error, match=words):
        call(np.diag([1.0, 2.0]))


# ── density ───────────────────────────────────────────────────────────────────────────────────────

DENSE = {
    "flat": np.linspace(-1.0, 3.0, 300),
    "outliers": np.r_[np.zeros(200), np.linspace(0.0, 1.0, 95), 5.0, 8.0, 9.0, 15.0, 30.0],
    "bell": np.sort(np.random.default_rng(0).normal(size=300)),
}
EACH_DENSE = pytest.mark.parametrize("spectrum", list(DENSE.values()), ids=list(DENSE))


@EACH_DENSE
def test_the_density_is_near_the_spectrum(spectrum) -> None:
    A = matrix(spectrum)
    density = spectral_density(A, steps=40, probes=20, rng=np.random.default_rng(1))
    nodes, weights = density.merged()
    assert np.all(np.diff(nodes) >= 0)
    np.testing.assert_allclose([w.sum() for w in density.weights], 1.0, rtol=1e-12)
    np.testing.assert_allclose(weights.sum(), 1.0, rtol=1e-12)
    width = np.ptp(spectrum)
    assert wasserstein_distance(nodes, spectrum, weights) < 0.02 * width
    assert nodes[0] > np.min(spectrum) - 1e-9 and nodes[-1] < np.max(spectrum) + 1e-9


def test_more_probes_bring_it_nearer() -> None:
    spectrum = DENSE["bell"]
    A = matrix(spectrum)

    def distance(probes):
        found = []
        for seed in range(8):
            rng = np.random.default_rng(seed)
            density = spectral_density(A, steps=30, probes=probes, rng=rng)
            nodes, weights = density.merged()
            found.append(wasserstein_distance(nodes, spectrum, weights))
        return np.mean(found)

    assert distance(16) < distance(1) / 2


def test_as_many_steps_as_distinct_eigenvalues_find_them_all() -> None:
    values, copies = np.array([-2.0, 0.0, 1.0, 10.0]), [10, 40, 30, 20]
    A = matrix(np.repeat(values, copies))
    density = spectral_density(A, steps=30, probes=200)
    nodes, weights = density.merged()
    distance = np.abs(nodes[:, None] - values)
    assert np.all(np.min(distance, axis=1)[weights > 1e-15] < 1e-9)  # the rest is rounding
    share = weights @ (distance < 1e-9)
    np.testing.assert_allclose(share, np.array(copies) / 100, atol=0.02)
    few = spectral_density(A, steps=4, probes=200)  # the same runs
    np.testing.assert_allclose(few.moment(2).value, density.moment(2).value, rtol=1e-10)
    assert few.products == 4 * 200


@EACH_DENSE
def test_moments_and_shares_are_within_their_errors(spectrum) -> None:
    A = matrix(spectrum)
    density = spectral_density(A, steps=40, probes=30, rng=np.random.default_rng(3))
    for order in (1, 2, 3):
        found = density.moment(order)
        assert abs(found.value - np.mean(spectrum**order)) < 4 * found.error
        assert found.products == density.products
    grid = np.quantile(spectrum, [0.75, 0.95])[:, None]
    found = density.cumulative(grid)
    assert found.value.shape == found.error.shape == (2, 1)
    assert np.all(np.abs(found.value.ravel() - [0.75, 0.95]) < 0.06)
    ends = density.cumulative([spectrum.min() - 1, spectrum.max() + 1]).value
    np.testing.assert_allclose(ends, [0.0, 1.0])


def test_the_smoothed_density_is_that_of_the_smoothed_spectrum() -> None:
    spectrum, width = DENSE["flat"], 0.3
    density = spectral_density(matrix(spectrum), steps=40, probes=40)
    grid = np.linspace(-4.0, 6.0, 400)
    found = density.smoothed(grid, width)
    bells = np.exp(-(((grid[:, None] - spectrum) / width) ** 2) / 2) / (width * np.sqrt(2 * np.pi))
    assert np.all(np.abs(found.value - bells.mean(axis=1)) < 5 * found.error + 1e-3)
    np.testing.assert_allclose(np.trapezoid(found.value, grid), 1.0, rtol=1e-6)


def test_an_expectation_is_unbiased_and_its_error_is_honest() -> None:
    spectrum = np.geomspace(0.1, 10.0, 100)
    A, truth = matrix(spectrum), np.mean(np.sqrt(spectrum))
    runs = [
        spectral_density(A, steps=15, probes=4, rng=np.random.default_rng(seed)).expectation(
            np.sqrt
        )
        for seed in range(150)
    ]
    misses = np.array([float(run) - truth for run in runs])
    rms = np.sqrt(np.mean(misses**2))
    assert abs(misses.mean()) < 4 * rms / np.sqrt(150)
    assert 0.7 < np.sqrt(np.mean([run.error**2 for run in runs])) / rms < 1.5


def test_too_few_steps_show_in_the_error() -> None:
    spectrum = np.geomspace(1e-4, 1.0, 200)
    density = spectral_density(matrix(spectrum), steps=8, probes=30)
    found = density.expectation(np.log)
    spread = np.std([w @ np.log(t) for t, w in zip(density.nodes, density.weights, strict=True)])
    assert found.error > 3 * spread / np.sqrt(30)
    assert abs(found.value - np.mean(np.log(spectrum))) < 3 * found.error


def test_a_constant_and_a_single_probe() -> None:
    density = spectral_density(matrix(DENSE["bell"]), steps=5, probes=1)
    one = density.expectation(lambda t: 1.0)
    np.testing.assert_allclose(one.value, 1.0)
    assert one.error == np.inf and np.all(density.cumulative([0.0, 1.0]).error == np.inf)


def test_the_vectors_of_few_probes_at_a_time_give_the_same_density(monkeypatch) -> None:
    A = matrix(DENSE["flat"])
    whole = spectral_density(A, steps=10, probes=5)
    monkeypatch.setattr("secondorder.estimators.density.KEPT", 2 * 300 * 10)
    for one, two in zip(
        whole.merged(), spectral_density(A, steps=10, probes=5).merged(), strict=True
    ):
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-12)


def test_a_zero_matrix_has_all_its_eigenvalues_at_zero() -> None:
    density = spectral_density(np.zeros((40, 40)), probes=3)
    assert density.products == 3
    nodes, weights = density.merged()
    np.testing.assert_array_equal(nodes, 0.0)
    np.testing.assert_allclose(weights, 1 / 3)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda d: d.expectation(np.log), ValueError, "f is nan at the node -"),
        (lambda d: d.expectation(3.0), TypeError, "f must be a function"),
        (lambda d: d.moment(0), ValueError, "order must be a whole number from 1 on"),
        (lambda d: d.smoothed([0.0], 0.0), ValueError, "width must be a positive"),
        (lambda d: d.smoothed([np.inf], 1.0), ValueError, "grid must be finite"),
        (lambda d: d.cumulative([1, 2]), TypeError, "grid must hold floats"),
        (lambda d: d.expectation(lambda t: t[:2]), TypeError, "f must return"),
        (lambda d: d.expectation(lambda t: "no"), TypeError, "f must return"),
        (lambda d: d.expectation(lambda t: t * 1j), TypeError, "f must return"),
    ],
)
def test_bad_questions_are_named(call, error, words) -> None:
    with pytest.raises(error, match=words):
        call(spectral_density(np.diag([-1.0, 2.0, 3.0]), probes=3))


# ── log-determinant and effective dimension ───────────────────────────────────────────────────────


@pytest.mark.parametrize("kappa", [3.0, 100.0])
def test_the_log_determinant_is_within_its_error(kappa) -> None:
    A = matrix(np.geomspace(1.0, kappa, 150))
    _, truth = np.linalg.slogdet(A)
    found = log_determinant(A, steps=40, probes=30, rng=np.random.default_rng(2))
    assert abs(float(found) - truth) < 3 * found.error < 0.2 * abs(truth)
    assert found.products == 40 * 30


@pytest.mark.parametrize("damping", [0.1, 1.0, 30.0])
def test_the_effective_dimension_is_within_its_error(damping) -> None:
    spectrum = np.r_[np.zeros(100), np.geomspace(0.01, 100.0, 50)]
    truth = np.sum(spectrum / (spectrum + damping))
    A = matrix(spectrum)
    dense = np.trace(A @ np.linalg.inv(A + damping * np.eye(150)))
    found = effective_dimension(A, damping, probes=30, rng=np.random.default_rng(2))
    np.testing.assert_allclose(truth, dense, rtol=1e-9)
    assert abs(float(found) - truth) < 3 * found.error
    assert 0 <= float(found) <= 150


def test_multiples_of_the_identity_are_exact() -> None:
    found = log_determinant(3.0 * np.eye(50))
    np.testing.assert_allclose(float(found), 50 * np.log(3.0), rtol=1e-12)
    assert found.error < 1e-10 and found.products == 10
    np.testing.assert_allclose(float(effective_dimension(np.zeros((50, 50)), 0.5)), 0.0)


@pytest.mark.parametrize("spectrum", [[-1.0, 1.0, 2.0], [0.0, 1.0], [0.0, 0.0], [-1.0, -2.0]])
def test_log_det_needs_a_positive_definite_matrix(spectrum) -> None:
    with pytest.raises(ValueError, match="A is not positive definite: it has an eigenvalue of"):
        log_determinant(matrix(np.repeat(spectrum, 10)))


def test_the_effective_dimension_needs_no_negative_eigenvalue() -> None:
    with pytest.raises(ValueError, match=r"A is not positive semi-definite.*Fisher"):
        effective_dimension(np.diag([-1.0, 1.0, 2.0]), 0.5)
    for bad in (0.0, -1.0, np.inf):
        with pytest.raises(ValueError, match="damping must be"):
            effective_dimension(np.eye(3), bad)
