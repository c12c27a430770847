"""Numbers that say how hard a matrix is: condition number, log-determinant, effective dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._inputs import as_rng, as_step
from ._operator import Counted, Estimate, Operator
from .density import SpectralDensity, spectral_density
from .eigen import bottom_eigenpairs, top_eigenpairs


def condition_number(
    A: Operator,
    *,
    rng: np.random.Generator | None = None,
    tolerance: float = 1e-12,
    restarts: int = 300,
) -> Estimate:
    """Return κ = λ_max / λ_min of a positive definite matrix (or of a negative definite one).

    Parameters
    ----------
    A : LinearOperator, array or sparse matrix of shape (n, n)
    rng, tolerance, restarts
        As for `top_eigenpairs`.

    Returns
    -------
    Estimate
        The error is the bound that follows from the residuals of the two eigenpairs.

    Raises
    ------
    TypeError, ValueError
        A is not square, not symmetric or has products that are not finite; A is singular or
        indefinite.
    NoConvergenceError
        As `top_eigenpairs`.

    Notes
    -----
    Cost: that of `top_eigenpairs` and `bottom_eigenpairs` with k = 1; the smallest eigenvalue takes
    more products the larger κ is. The smallest ``|λ|`` of an indefinite matrix is inside the
    spectrum, where products alone do not find it.

    Examples
    --------
    >>> round(float(condition_number(np.diag([1.0, 4.0, 8.0]))), 6)
    8.0
    """
    M = Counted(A)
    options: dict[str, Any] = {"rng": as_rng(rng), "tolerance": tolerance, "restarts": restarts}
    top, bottom = top_eigenpairs(A, 1, **options), bottom_eigenpairs(A, 1, **options)
    high, low = float(top.values[0]), float(bottom.values[0])
    small, large = sorted((abs(high), abs(low)))
    errors = float(top.residuals[0]), float(bottom.residuals[0])
    slip, loose = errors if abs(high) < abs(low) else errors[::-1]  # of the small and the large one
    if small <= max(slip, M.n * M.eps * large):
        raise ValueError(
            f"A is singular, or too near it to tell: |λ| goes from {small:.3g} to {large:.3g}. "
            "Its condition number is infinite; a multiple of I added to A makes it finite"
        )
    if low < 0 < high:
        raise ValueError(
            f"A is indefinite: its eigenvalues go from {low:.6g} to {high:.6g}, and products alone "
            "do not find the one nearest 0. Use np.linalg.cond on a dense matrix"
        )
    kappa = large / small
    error = (loose + kappa * slip) / (small - slip)
    return Estimate(kappa, error, top.products + bottom.products)


def log_determinant(
    A: Operator, *, steps: int = 80, probes: int = 10, rng: np.random.Generator | None = None
) -> Estimate:
    """Return log det A of a positive definite matrix, as the sum of log λ.

    Parameters
    ----------
    A : LinearOperator, array or sparse matrix of shape (n, n)
    steps, probes, rng
        As for `spectral_density`.

    Returns
    -------
    Estimate
        The error as in `SpectralDensity.expectation`.

    Raises
    ------
    TypeError, ValueError
        As `spectral_density`; also where a Lanczos run meets an eigenvalue that is not positive.

    Notes
    -----
    log det A = tr log A = n E qᵀ (log A) q. An eigenvalue ≤ 0 that no run has come close to goes
    unseen. Cost: at most `steps` × `probes` products.
    Source: Ubaru, Chen & Saad, *Fast Estimation of tr(f(A)) via Stochastic Lanczos Quadrature*
    (2017).

    Examples
    --------
    >>> round(float(log_determinant(np.eye(20) * np.e)), 6)
    20.0
    """
    density = spectral_density(A, steps=steps, probes=probes, rng=rng)
    lowest, rounding = _lowest(density)
    if lowest <= rounding:
        raise ValueError(
            f"A is not positive definite: it has an eigenvalue of {lowest:.3g} or below, so "
            "log det A does not exist. Add a multiple of I to A, or use a Gauss–Newton matrix"
        )
    return _sum_over(density, density.expectation(np.log))


def effective_dimension(
    A: Operator,
    damping: float,
    *,
    steps: int = 80,
    probes: int = 10,
    rng: np.random.Generator | None = None,
) -> Estimate:
    """Return tr A (A + δI)⁻¹ = Σ λᵢ / (λᵢ + δ): how many directions curve more than the damping δ.

    Parameters
    ----------
    A : LinearOperator, array or sparse matrix of shape (n, n)
        Positive semi-definite.
    damping : float
        δ > 0.
    steps, probes, rng
        As for `spectral_density`.

    Returns
    -------
    Estimate
        The error as in `SpectralDensity.expectation`.

    Raises
    ------
    TypeError, ValueError
        As `spectral_density`; also when the damping is not positive, or where a Lanczos run meets a
        negative eigenvalue.

    Notes
    -----
    Every λ far above δ counts 1, every λ far below counts 0. Cost: at most `steps` × `probes`
    products.
    Source: MacKay, *Bayesian Interpolation* (1992), where it is the number of well-determined
    parameters.

    Examples
    --------
    >>> round(float(effective_dimension(np.eye(20), damping=1.0)), 6)
    10.0
    """
    damping = as_step(damping, "damping")
    density = spectral_density(A, steps=steps, probes=probes, rng=rng)
    lowest, rounding = _lowest(density)
    if lowest < -rounding:
        raise ValueError(
            f"A is not positive semi-definite: it has an eigenvalue of {lowest:.3g} or below. "
            "Use a Gauss–Newton or Fisher matrix"
        )
    share = density.expectation(lambda t: np.maximum(t, 0.0) / (np.maximum(t, 0.0) + damping))
    return _sum_over(density, share)


def _lowest(density: SpectralDensity) -> tuple[float, float]:
    """Return the lowest node, and the size below which a node is rounding."""
    nodes, _ = density.merged()
    size = float(np.max(np.abs(nodes)))
    return float(nodes[0]), density.n * float(np.finfo(nodes.dtype).eps) * size


def _sum_over(density: SpectralDensity, mean: Estimate) -> Estimate:
    return Estimate(float(density.n * mean.value), density.n * mean.error, mean.products)
