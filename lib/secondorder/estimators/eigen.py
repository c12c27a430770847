"""The largest and the smallest eigenvalues, with their eigenvectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from .._inputs import Matrix, Vector, as_count, as_rng, as_step
from ._operator import Counted, Operator

_ORDERS = {"value": "LA", "magnitude": "LM"}
_BASIS = {"LA": 20, "LM": 20, "SA": 50}  # Lanczos vectors: the lower end is often the crowded one


@dataclass(frozen=True, eq=False)
class Eigenpairs:
    """Some eigenvalues of a symmetric matrix, their eigenvectors, and how good they are.

    Attributes
    ----------
    values : array of shape (k,)
    vectors : array of shape (n, k), one eigenvector of length 1 a column
    residuals : array of shape (k,)
        ``‖A v − λ v‖``. A has an eigenvalue no farther than this from λ.
    products : int
        Number of products with a vector.

    Examples
    --------
    >>> pairs = top_eigenpairs(np.diag([1.0, 5.0, 2.0]), k=2)
    >>> pairs.values, pairs.products
    (array([5., 2.]), 3)
    """

    values: Vector
    vectors: Matrix
    residuals: Vector
    products: int


class NoConvergenceError(RuntimeError):
    """The eigenvalues asked for did not all converge; `found` holds the pairs that did.

    Examples
    --------
    >>> top_eigenpairs(np.diag(np.linspace(0.0, 1.0, 500)), k=2, restarts=1)
    Traceback (most recent call last):
    secondorder.estimators.eigen.NoConvergenceError: ... of 2 eigenpairs converged ...
    """

    def __init__(self, message: str, found: Eigenpairs) -> None:
        super().__init__(message)
        self.found = found


def top_eigenpairs(
    A: Operator,
    k: int = 5,
    *,
    by: str = "value",
    rng: np.random.Generator | None = None,
    tolerance: float = 1e-9,
    restarts: int = 300,
) -> Eigenpairs:
    """Return the k largest eigenvalues of a symmetric matrix, in descending order.

    Parameters
    ----------
    A : LinearOperator, array or sparse matrix of shape (n, n)
    k : int
    by : "value" or "magnitude"
        Largest λ, or largest ``|λ|``.
    rng : numpy Generator, optional
        Draws the first vector; `default_rng(0)` when left out.
    tolerance : float
        Accuracy relative to the size of A, not below its rounding unit.
    restarts : int
        How often Lanczos may restart, at up to max(2k + 1, 20) products
        each.

    Returns
    -------
    Eigenpairs

    Raises
    ------
    TypeError, ValueError
        A is not square, not symmetric or has products that are not finite; k is larger than n;
        `by` or a number is not one of those allowed.
    NoConvergenceError
        Too few restarts; its `found` holds the pairs that converged.

    Notes
    -----
    A v = λ v, by the implicitly restarted Lanczos method of ARPACK (SciPy's `eigsh`).
    Cost: a few times b = max(2k + 1, 20) products; n in one block, and a dense `eigh`, where n is
    at most 4b.
    An eigenvalue that occurs several times may be found fewer times.
    Source: Lehoucq, Sorensen & Yang, *ARPACK Users' Guide* (1998).

    Examples
    --------
    >>> A = np.diag(np.arange(-200.0, 101.0))
    >>> top_eigenpairs(A, k=2).values.round(6)
    array([100.,  99.])
    >>> top_eigenpairs(A, k=2, by="magnitude").values.round(6)
    array([-200., -199.])
    """
    if by not in _ORDERS:
        raise ValueError(f'by must be "value" or "magnitude", got {by!r}')
    return _eigenpairs(A, k, _ORDERS[by], rng, tolerance, restarts)


def bottom_eigenpairs(
    A: Operator,
    k: int = 5,
    *,
    rng: np.random.Generator | None = None,
    tolerance: float = 1e-9,
    restarts: int = 300,
) -> Eigenpairs:
    """Return the k smallest (most negative) eigenvalues of a symmetric matrix, in ascending order.

    Parameters
    ----------
    A : LinearOperator, array or sparse matrix of shape (n, n)
    k, rng, tolerance, restarts
        As for `top_eigenpairs`.

    Returns
    -------
    Eigenpairs

    Raises
    ------
    TypeError, ValueError, NoConvergenceError
        As `top_eigenpairs`.

    Notes
    -----
    As `top_eigenpairs`, with b = max(2k + 1, 50). Where eigenvalues crowd at the lower end,
    that takes hundreds of products or more.

    Examples
    --------
    >>> bottom_eigenpairs(np.diag(np.arange(-200.0, 101.0)), k=2).values.round(6)
    array([-200., -199.])
    """
    return _eigenpairs(A, k, "SA", rng, tolerance, restarts)


def _eigenpairs(
    A: Operator, k: int, which: str, rng: Any, tolerance: float, restarts: int
) -> Eigenpairs:
    M = Counted(A)
    k, restarts = as_count("k", k), as_count("restarts", restarts)
    if k > M.n:
        raise ValueError(f"k must be at most n = {M.n}, the number of eigenvalues of A, got {k}")
    tolerance = max(as_step(tolerance, "tolerance"), M.eps)
    basis = max(2 * k + 1, _BASIS[which])
    if M.n <= 4 * basis:  # Lanczos would take about as many products, one after the other
        eye = np.eye(M.n, dtype=M.dtype)
        H = M @ eye
        M.compare(eye, H)
        values, vectors = np.linalg.eigh((H + H.T) / 2)
        return _sorted(M, values, vectors, k, which, H)
    V = as_rng(rng).standard_normal((M.n, 2)).astype(M.dtype)
    AV = M @ V
    M.compare(V, AV)
    if not np.any(AV):  # no start vector suits ARPACK when A is zero
        return _sorted(M, np.zeros(k, M.dtype), np.eye(M.n, k, dtype=M.dtype), k, which)
    # ARPACK starts from (A + cI) v: with c = 0 it would never see an eigenvalue 0 of A
    size = np.linalg.norm(AV[:, 0]) / np.linalg.norm(V[:, 0])
    c = {"LA": 2 * size, "LM": 0 * size, "SA": -2 * size}[which]
    shifted = LinearOperator((M.n, M.n), matvec=lambda v: M @ v + c * v, dtype=M.dtype)
    try:
        values, vectors = eigsh(
            shifted, k, which=which, v0=V[:, 0], ncv=basis, tol=tolerance, maxiter=restarts
        )
    except ArpackNoConvergence as error:
        found = _sorted(M, error.eigenvalues - c, error.eigenvectors, k, which)
        raise NoConvergenceError(
            f"{len(found.values)} of {k} eigenpairs converged in {found.products} products, and "
            "are in the `found` of this error: raise restarts, ask for fewer pairs, or build A by "
            f"{M.n} products, A @ np.eye({M.n}), for a dense eigh",
            found,
        ) from None
    return _sorted(M, values - c, vectors, k, which)


def _sorted(
    M: Counted, values: Vector, vectors: Matrix, k: int, which: str, H: Matrix | None = None
) -> Eigenpairs:
    """Return the first k pairs in the order asked for, with residuals; H is A where it is known."""
    key = {"LA": -values, "LM": -np.abs(values), "SA": values}[which]
    order = np.argsort(key, kind="stable")[:k]
    values, V = values[order], vectors[:, order]
    if not len(values):
        return Eigenpairs(values, V, values, M.products)
    AV = M @ V if H is None else H @ V
    return Eigenpairs(values, V, np.linalg.norm(AV - V * values, axis=0), M.products)
