"""Three estimates of the trace: Hutchinson, Hutch++ and XTrace."""

from __future__ import annotations

import numpy as np

from .._inputs import as_count, as_rng
from ._operator import PIECE, Counted, Estimate, Operator, pieces, rademacher
from ._operator import standard_error as spread


def hutchinson_trace(
    A: Operator, *, products: int = 100, rng: np.random.Generator | None = None
) -> Estimate:
    """Return the mean of vᵀAv over random signs v, which is the trace on average.

    Parameters
    ----------
    A : LinearOperator, array or sparse matrix of shape (n, n)
    products : int
        Number of probes, one product each.
    rng : numpy Generator, optional
        `default_rng(0)` when left out.

    Returns
    -------
    Estimate
        The error is the standard error over the probes.

    Raises
    ------
    TypeError, ValueError
        A is not square, not symmetric or has products that are not finite; `products` is not a
        whole number from 1 on.

    Notes
    -----
    tr A ≈ (1/k) Σ vᵢᵀ A vᵢ, unbiased, with variance (2/k) Σ_{i≠j} aᵢⱼ²: exact for a diagonal
    matrix. Cost: `products`.
    Source: Hutchinson, *A stochastic estimator of the trace of the influence matrix for Laplacian
    smoothing splines* (1990).

    Examples
    --------
    >>> hutchinson_trace(np.diag([1.0, 2.0, 3.0]), products=2)
    Estimate(value=6.0, error=0.0, products=2)
    """
    M, rng = Counted(A), as_rng(rng)
    samples: list[float] = []
    for width in pieces(as_count("products", products), PIECE // M.n):
        V = rademacher(rng, M.n, width, M.dtype)
        AV = M @ V
        M.compare(V, AV)
        samples.extend(np.sum(V * AV, axis=0, dtype=float))
    return Estimate(float(np.mean(samples)), float(spread(samples)), M.products)


def hutch_pp_trace(
    A: Operator, *, products: int = 100, rng: np.random.Generator | None = None
) -> Estimate:
    """Return the trace by Hutch++: exact on a sketch of the range of A, Hutchinson on the rest.

    Parameters
    ----------
    A : LinearOperator, array or sparse matrix of shape (n, n)
    products : int
        At least 4. A third makes the sketch, a third multiplies it, the rest are probes.
    rng : numpy Generator, optional
        `default_rng(0)` when left out.

    Returns
    -------
    Estimate
        The error is the standard error over the probes, given the sketch.

    Raises
    ------
    TypeError, ValueError
        A is not square, not symmetric or has products that are not finite; `products` is not a
        whole number from 4 on.

    Notes
    -----
    Q = orth(A S), then tr A ≈ tr QᵀAQ + (1/l) Σ xᵢᵀ A xᵢ with xᵢ = (I − QQᵀ) gᵢ, and S and g random
    signs. Unbiased. For a positive semi-definite A, ε relative accuracy takes O(1/ε) products where
    Hutchinson takes O(1/ε²). Cost: at most `products`.
    Source: Meyer, Musco, Musco & Woodruff, *Hutch++: Optimal Stochastic Trace Estimation* (2021),
    algorithm 1.

    Examples
    --------
    >>> A = np.ones((50, 50))
    >>> round(float(hutch_pp_trace(A, products=4)), 6)
    50.0
    """
    M, rng, products = Counted(A), as_rng(rng), as_count("products", products, 4)
    k = min(products // 3, M.n)
    S = rademacher(rng, M.n, k, M.dtype)
    AS = M @ S
    M.compare(S, AS)
    Q, _ = np.linalg.qr(AS)
    G = rademacher(rng, M.n, products - 2 * (products // 3), M.dtype)
    X = G - Q @ (Q.T @ G)
    AQ, AX = np.hsplit(M @ np.hstack([Q, X]), [k])
    samples = np.sum(X * AX, axis=0, dtype=float)
    value = np.sum(Q * AQ, dtype=float) + np.mean(samples)
    return Estimate(float(value), float(spread(samples)), M.products)


def xtrace(A: Operator, *, products: int = 100, rng: np.random.Generator | None = None) -> Estimate:
    """Return the trace by XTrace: each probe is measured against the sketch made by the others.

    Parameters
    ----------
    A : LinearOperator, array or sparse matrix of shape (n, n)
    products : int
        At least 4. Half are products with the probes, half with the sketch.
    rng : numpy Generator, optional
        `default_rng(0)` when left out.

    Returns
    -------
    Estimate
        The error is the standard error over the leave-one-out estimates, as in the paper; these
        are not independent.

    Raises
    ------
    TypeError, ValueError
        A is not square, not symmetric or has products that are not finite; `products` is not a
        whole number from 4 on.

    Notes
    -----
    With Qᵢ = orth(A Ω without column i), xᵢ = (I − QᵢQᵢᵀ) ωᵢ scaled to ``‖xᵢ‖² = n − k + 1``:
    tr A ≈ (1/k) Σᵢ (tr QᵢᵀAQᵢ + xᵢᵀ A xᵢ). With A Ω = QR, QᵢQᵢᵀ = Q (I − sᵢsᵢᵀ) Qᵀ where sᵢ is
    the normalised column i of R⁻ᵀ, so that one factorisation serves all i. Unbiased.
    Cost: `products`, one less if odd; at most 2n.
    Source: Epperly, Tropp & Webber, *XTrace: Making the Most of Every Sample in Stochastic Trace
    Estimation* (2024).

    Examples
    --------
    >>> A = np.ones((50, 50))
    >>> round(float(xtrace(A, products=4)), 6)
    50.0
    """
    M, rng, products = Counted(A), as_rng(rng), as_count("products", products, 4)
    k = min(products // 2, M.n)
    W = rng.standard_normal((M.n, k)).astype(M.dtype)
    Y = M @ W
    M.compare(W, Y)
    Q, R = np.linalg.qr(Y)
    Z = M @ Q
    H = Q.T @ Z
    if k == M.n:  # Q spans the whole space
        return Estimate(float(np.trace(H)), 0.0, M.products)
    U, sigma, Vt = np.linalg.svd(R)
    sigma = np.maximum(sigma, M.eps * sigma[0] or 1.0)  # R is singular where A has low rank
    S = (U / sigma) @ Vt  # R⁻ᵀ
    S /= np.linalg.norm(S, axis=0)
    QW = Q.T @ W
    C = QW - S * np.sum(S * QW, axis=0)  # Qᵢᵀωᵢ in the basis Q
    X, AX = W - Q @ C, Y - Z @ C
    scale = (M.n - k + 1) / np.sum(X**2, axis=0)
    samples = np.trace(H) - np.sum(S * (H @ S), axis=0) + scale * np.sum(X * AX, axis=0)
    return Estimate(float(np.mean(samples)), float(spread(samples)), M.products)
