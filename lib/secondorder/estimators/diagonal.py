"""The diagonal of a matrix that is known by its products."""

from __future__ import annotations

import numpy as np

from .._inputs import as_count, as_rng
from ._operator import PIECE, Counted, Estimate, Operator, pieces, rademacher


def diagonal(A: Operator, *, probes: int = 100, rng: np.random.Generator | None = None) -> Estimate:
    """Return the mean of v ⊙ Av over random signs v, which is the diagonal on average.

    Parameters
    ----------
    A : LinearOperator, array or sparse matrix of shape (n, n)
    probes : int
        Number of sign vectors, one product each.
    rng : numpy Generator, optional
        `default_rng(0)` when left out.

    Returns
    -------
    Estimate
        Value and error are arrays of shape (n,); the error is each entry's standard error over the
        probes.

    Raises
    ------
    TypeError, ValueError
        A is not square, not symmetric or has products that are not finite; `probes` is not a whole
        number from 1 on.

    Notes
    -----
    aᵢᵢ ≈ (1/k) Σ vᵢ (Av)ᵢ, unbiased, with variance (1/k) Σ_{j≠i} aᵢⱼ²: exact for a diagonal
    matrix, and slow where the entries beside the diagonal are large. Cost: `probes` products.
    Source: Bekas, Kokiopoulou & Saad, *An estimator for the diagonal of a matrix* (2007).

    Examples
    --------
    >>> diagonal(np.diag([1.0, 2.0, 3.0]), probes=2)
    Estimate(value=array([1., 2., 3.]), error=array([0., 0., 0.]), products=2)
    """
    M, rng, k = Counted(A), as_rng(rng), as_count("probes", probes)
    first = np.zeros(M.n)
    total, squares = np.zeros(M.n), np.zeros(M.n)  # of the distances from the first sample
    for width in pieces(k, PIECE // M.n):
        V = rademacher(rng, M.n, width, M.dtype)
        AV = M @ V
        M.compare(V, AV)
        samples = (V * AV).astype(float)
        if M.products == width:
            first = samples[:, 0].copy()
        samples -= first[:, None]
        total += np.sum(samples, axis=1)
        squares += np.sum(samples**2, axis=1)
    if k == 1:
        error = np.full(M.n, np.inf)
    else:
        error = np.sqrt(np.maximum(squares - total**2 / k, 0.0) / (k - 1) / k)
    return Estimate((first + total / k).astype(M.dtype), error.astype(M.dtype), M.products)
