"""Trace and diagonal: unbiased, with honest errors; and what every estimator asks of its matrix."""

from importlib import import_module

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from secondorder import estimators
from secondorder.estimators import _operator as shared
from secondorder.estimators import diagonal, hutch_pp_trace, hutchinson_trace, xtrace

TRACES = {"hutchinson": hutchinson_trace, "hutch++": hutch_pp_trace, "xtrace": xtrace}
EACH_TRACE = pytest.mark.parametrize("estimate", list(TRACES.values()), ids=list(TRACES))
SPECTRA = {
    "power": np.arange(1.0, 41.0) ** -2,
    "flat": np.linspace(1.0, 3.0, 40),
    "saddle": np.linspace(-1.0, 2.0, 40),
    "low rank": np.r_[np.arange(1.0, 4.0), np.zeros(37)],
}
EACH_SPECTRUM = pytest.mark.parametrize("spectrum", list(SPECTRA.values()), ids=list(SPECTRA))


def matrix(spectrum, seed=0):
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.normal(size=(len(spectrum), len(spectrum))))
    A = (Q * np.asarray(spectrum)) @ Q.T
    return (A + A.T) / 2


# ── trace ─────────────────────────────────────────────────────────────────────────────────────────


@EACH_TRACE
@EACH_SPECTRUM
def test_a_trace_is_unbiased_and_its_error_is_honest(estimate, spectrum) -> None:
    A, truth = matrix(spectrum), float(np.sum(spectrum))
    runs = [estimate(A, products=12, rng=np.random.default_rng(seed)) for seed in range(300)]
    misses = np.array([float(run) - truth for run in runs])
    rms, told = np.sqrt(np.mean(misses**2)), np.sqrt(np.mean([run.error**2 for run in runs]))
    if rms < 1e-12:
        assert told < 1e-12
        return
    assert abs(np.mean(misses)) < 4 * np.std(misses) / np.sqrt(len(runs))
    assert 0.6 < told / rms < 1.6
    assert {run.products for run in runs} == {12}


@pytest.mark.parametrize("estimate", [hutch_pp_trace, xtrace])
def test_a_sketch_beats_hutchinson_where_the_spectrum_decays(estimate) -> None:
    spectrum = np.arange(1.0, 201.0) ** -2
    A = matrix(spectrum)

    def rms(method):
        seeds = [np.random.default_rng(seed) for seed in range(20)]
        misses = [float(method(A, products=60, rng=rng)) - np.sum(spectrum) for rng in seeds]
        return np.sqrt(np.mean(np.square(misses)))

    assert rms(estimate) < rms(hutchinson_trace) / 10


def test_xtrace_is_the_mean_of_its_leave_one_out_estimates() -> None:
    A, n, k = matrix(SPECTRA["power"]), 40, 6
    W = np.random.default_rng(3).standard_normal((n, k))
    found = []
    for i in range(k):
        Q, _ = np.linalg.qr(A @ np.delete(W, i, axis=1))
        x = W[:, i] - Q @ (Q.T @ W[:, i])
        x *= np.sqrt(n - k + 1) / np.linalg.norm(x)
        found.append(np.trace(Q.T @ A @ Q) + x @ A @ x)
    estimate = xtrace(A, products=2 * k + 1, rng=np.random.default_rng(3))
    np.testing.assert_allclose(estimate.value, np.mean(found), rtol=1e-12)
    np.testing.assert_allclose(estimate.error, np.std(found, ddof=1) / np.sqrt(k), rtol=1e-9)
    assert estimate.products == 2 * k


def test_one_probe_of_signs_is_exact_for_a_diagonal_matrix() -> None:
    d = np.linspace(-3.0, 5.0, 30)
    trace, diag = hutchinson_trace(np.diag(d), products=1), diagonal(np.diag(d), probes=1)
    np.testing.assert_allclose(trace.value, d.sum(), rtol=1e-12)
    np.testing.assert_array_equal(diag.value, d)
    assert trace.products == diag.products == 1
    assert trace.error == np.inf and np.all(diag.error == np.inf)
    assert np.all(diagonal(np.diag(d), probes=3).error == 0)


@pytest.mark.parametrize("estimate", [hutch_pp_trace, xtrace])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_more_products_than_rows_give_the_exact_trace(estimate, n) -> None:
    A = matrix(np.arange(1.0, n + 1))
    found = estimate(A, products=40)
    np.testing.assert_allclose(found.value, n * (n + 1) / 2, rtol=1e-12)
    assert found.error < 1e-12 and found.products < 40


@EACH_TRACE
def test_the_trace_of_zero_is_zero(estimate) -> None:
    found = estimate(np.zeros((30, 30)), products=9)
    assert found.value == found.error == 0


def test_the_spread_of_one_sample_is_not_known() -> None:
    assert shared.standard_error([2.0]) == np.inf
    assert np.isfinite(hutch_pp_trace(matrix(SPECTRA["flat"]), products=4).error)


# ── diagonal ──────────────────────────────────────────────────────────────────────────────────────


def test_the_diagonal_is_unbiased_and_its_errors_are_honest() -> None:
    A = matrix(SPECTRA["power"])
    runs = [diagonal(A, probes=20, rng=np.random.default_rng(seed)) for seed in range(200)]
    misses = np.array([run.value - np.diag(A) for run in runs])
    rms, told = np.sqrt(np.mean(misses**2, axis=0)), [run.error**2 for run in runs]
    assert np.all(np.abs(np.mean(misses, axis=0)) < 4.5 * rms / np.sqrt(len(runs)))
    np.testing.assert_allclose(np.sqrt(np.mean(told, axis=0)), rms, rtol=0.25)
    theory = np.sqrt((np.sum(A**2, axis=1) - np.diag(A) ** 2) / 20)
    np.testing.assert_allclose(rms, theory, rtol=0.25)


@pytest.mark.parametrize("piece", [1, 80, 2**22])
def test_blocks_of_any_width_give_the_same_answer(piece, monkeypatch) -> None:
    A, widths = matrix(SPECTRA["saddle"]), []
    trace, diag = hutchinson_trace(A, products=7), diagonal(A, probes=7)
    for name in ("trace", "diagonal"):
        monkeypatch.setattr(import_module(f"secondorder.estimators.{name}"), "PIECE", piece)

    def matmat(V):
        widths.append(V.size // 40)
        return A @ V

    operator = LinearOperator(A.shape, matvec=matmat, matmat=matmat, dtype=float)
    found = diagonal(operator, probes=7)
    assert sum(widths) == found.products == 7 and max(widths) == min(7, max(piece // 40, 1))
    np.testing.assert_allclose(found.value, diag.value, atol=1e-13)
    np.testing.assert_allclose(found.error, diag.error, atol=1e-13)
    again = hutchinson_trace(operator, products=7)
    np.testing.assert_allclose([again.value, again.error], [trace.value, trace.error], rtol=1e-12)


# ── what all estimators ask of a matrix ───────────────────────────────────────────────────────────

rng0 = np.random.default_rng(11)
ALL = {
    "hutchinson": lambda A: hutchinson_trace(A, products=6),
    "hutch++": lambda A: hutch_pp_trace(A, products=6),
    "xtrace": lambda A: xtrace(A, products=6),
    "diagonal": lambda A: diagonal(A, probes=6),
    "top": lambda A: estimators.top_eigenpairs(A, 1),
    "bottom": lambda A: estimators.bottom_eigenpairs(A, 1),
    "lanczos": lambda A: estimators.lanczos(A, 6),
    "density": lambda A: estimators.spectral_density(A, steps=6, probes=3),
    "condition": lambda A: estimators.condition_number(A),
    "logdet": lambda A: estimators.log_determinant(A, steps=6),
    "dimension": lambda A: estimators.effective_dimension(A, 1.0, steps=6),
}
EACH = pytest.mark.parametrize("estimate", list(ALL.values()), ids=list(ALL))


def nan_at(A, row):
    def matmat(V):
        AV = A @ V
        AV[row] = np.nan
        return AV

    return LinearOperator(A.shape, matvec=matmat, matmat=matmat, dtype=float)


BAD = {
    "not square": (np.ones((3, 4)), ValueError, r"A must be a square .*\(3, 4\)"),
    "vector": (np.ones(3), ValueError, r"A must be a square .*\(3,\)"),
    "empty": (np.ones((0, 0)), ValueError, r"A must be|A is empty"),
    "integers": (np.eye(3, dtype=int), TypeError, r"A must hold floats"),
    "complex": (np.eye(3) * 1j, TypeError, "A must hold real floats"),
    "complex sparse": (sparse.eye_array(3) * 1j, TypeError, "A must hold real floats, got dtype"),
    "text": ("A", TypeError, "A must hold real floats, got str 'A'"),
    "None": (None, TypeError, "A must hold real floats"),
    "nan": (np.diag([1.0, np.nan]), ValueError, r"A must be finite, got nan at A\[1, 1\]"),
    "nan product": (nan_at(np.eye(300), 7), ValueError, r"A @ v is nan in row 7"),
    "not symmetric": (rng0.normal(size=(30, 30)), ValueError, "A is not symmetric: uᵀAv"),
    "triangular": (np.triu(np.ones((300, 300))), ValueError, "A is not symmetric: uᵀAv"),
}


@EACH
@pytest.mark.parametrize("case", list(BAD))
def test_a_bad_matrix_is_named(estimate, case) -> None:
    A, error, words = BAD[case]
    with pytest.raises(error, match=words):
        estimate(A)


@EACH
def test_complex_products_are_refused(estimate) -> None:
    A = LinearOperator((30, 30), matvec=lambda v: v * 1j, dtype=float)
    with pytest.raises(ValueError, match=r"A @ v must be an array of real floats, got complex"):
        estimate(A)


def numbers(result):
    """All numbers of a result, in one array."""
    parts = []
    for value in vars(result).values():
        items = value if isinstance(value, tuple) else [value]
        for item in items:
            inner = [item.alpha, item.beta] if hasattr(item, "alpha") else [item]
            parts += [np.ravel(part).astype(float) for part in inner if part is not None]
    return np.concatenate(parts)


class OnlyMatvec(LinearOperator):
    """A product that is right for a flat vector alone."""

    def __init__(self, A):
        super().__init__(np.dtype(float), A.shape)
        self.A = A

    def _matvec(self, v):
        return (self.A * v).sum(1)


KINDS = {
    "sparse": sparse.csr_array,
    "list": lambda A: A.tolist(),
    "operator": aslinearoperator,
    "matvec only": lambda A: LinearOperator(A.shape, matvec=lambda v: A @ v, dtype=float),
    # what a product by autograd does to a column (n, 1): broadcast, or worse
    "flat matvec": lambda A: LinearOperator(A.shape, matvec=lambda v: (A * v).sum(1), dtype=float),
    "class": OnlyMatvec,
    "no dtype": lambda A: LinearOperator(A.shape, matvec=lambda v: A @ v),
}


@EACH
@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_of_matrix_gives_the_same_answer(estimate, kind) -> None:
    A = matrix(np.linspace(1.0, 3.0, 30))
    np.testing.assert_allclose(
        numbers(estimate(KINDS[kind](A))), numbers(estimate(A)), rtol=1e-9, atol=1e-9
    )


@EACH
def test_the_products_told_are_the_products_made(estimate) -> None:
    A, made = matrix(np.linspace(1.0, 3.0, 230)), [0]

    def matmat(V):
        made[0] += 1 if V.ndim == 1 else V.shape[1]
        return A @ V

    operator = LinearOperator(A.shape, matvec=matmat, matmat=matmat, dtype=float)
    assert estimate(operator).products == made[0]


@EACH
def test_one_row_is_enough(estimate) -> None:
    assert np.all(np.isfinite(numbers(estimate(np.array([[2.0]])))))


@EACH
def test_integers_of_a_sparse_matrix_count_as_floats(estimate) -> None:
    A = sparse.csr_array(np.diag(np.arange(1, 31)))
    np.testing.assert_allclose(numbers(estimate(A)), numbers(estimate(A.astype(float))))


@EACH
def test_single_precision_stays_near(estimate) -> None:
    A = matrix(np.linspace(1.0, 3.0, 230))
    single, double = estimate(A.astype(np.float32)), estimate(A)
    for name in ("value", "values"):
        if hasattr(single, name):
            one, two = getattr(single, name), getattr(double, name)
            np.testing.assert_allclose(one, two, rtol=2e-4)


def test_single_precision_stays_single() -> None:
    A = np.diag(np.linspace(1.0, 3.0, 300)).astype(np.float32)
    pairs, run = estimators.top_eigenpairs(A, 2), estimators.lanczos(A, 4)
    few = estimators.top_eigenpairs(A[:9, :9], 2)
    found = [pairs.values, pairs.vectors, few.values, few.vectors, run.alpha, run.beta, run.Q]
    found += [diagonal(A, probes=2).value, diagonal(A, probes=2).error]
    assert {array.dtype for array in found} == {np.dtype(np.float32)}


@EACH
def test_the_same_call_gives_the_same_numbers(estimate) -> None:
    A = matrix(np.linspace(1.0, 3.0, 230))
    np.testing.assert_array_equal(numbers(estimate(A)), numbers(estimate(A)))


COUNTS = [
    (lambda k: hutchinson_trace(np.eye(3), products=k), "products", 1),
    (lambda k: hutch_pp_trace(np.eye(3), products=k), "products", 4),
    (lambda k: xtrace(np.eye(3), products=k), "products", 4),
    (lambda k: diagonal(np.eye(3), probes=k), "probes", 1),
    (lambda k: estimators.lanczos(np.eye(3), k), "steps", 1),
    (lambda k: estimators.spectral_density(np.eye(3), steps=k), "steps", 2),
    (lambda k: estimators.spectral_density(np.eye(3), probes=k), "probes", 1),
    (lambda k: estimators.top_eigenpairs(np.eye(3), k), "k", 1),
    (lambda k: estimators.top_eigenpairs(np.eye(3), 1, restarts=k), "restarts", 1),
]


@pytest.mark.parametrize(("call", "name", "least"), COUNTS)
def test_too_few_is_refused(call, name, least) -> None:
    for bad in (least - 1, 2.5, "many", True):
        with pytest.raises(ValueError, match=f"{name} must be a whole number from {least} on"):
            call(bad)
    call(least)


@pytest.mark.parametrize("rng", [0, np.random, np.random.RandomState(0)])
def test_a_seed_is_not_a_generator(rng) -> None:
    for call in (hutchinson_trace, hutch_pp_trace, xtrace, diagonal, estimators.spectral_density):
        with pytest.raises(TypeError, match=r"rng must be a numpy Generator.*default_rng\(seed\)"):
            call(np.eye(30), rng=rng)
    for call in (estimators.lanczos, estimators.top_eigenpairs):
        with pytest.raises(TypeError, match="rng must be a numpy Generator"):
            call(np.eye(300), 3, rng=rng)


def test_only_one_number_is_a_float() -> None:
    assert float(hutchinson_trace(np.eye(3))) == 3.0
    with pytest.raises(TypeError):
        float(diagonal(np.eye(3)))
