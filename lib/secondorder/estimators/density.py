"""The density of eigenvalues by stochastic Lanczos quadrature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._inputs import (
    Vector,
    as_count,
    as_floats,
    as_rng,
    as_step,
    describe,
    first_index,
    need_callable,
)
from ._operator import Counted, Estimate, Operator, pieces
from ._operator import standard_error as spread
from .lanczos import Lanczos, lanczos_runs

KEPT = 2**26  # numbers of Lanczos vectors in memory at once


@dataclass(frozen=True, eq=False)
class SpectralDensity:
    """Where the n eigenvalues of a matrix lie: for each probe, nodes and weights that sum to 1.

    Everything it answers is a mean over the probes, with the standard error over them.

    Attributes
    ----------
    runs : tuple of Lanczos
        One a probe.
    n : int
        Size of the matrix.
    products : int

    Examples
    --------
    >>> density = spectral_density(np.eye(30) * 2.0, probes=3)
    >>> round(float(density.moment(1)), 9), density.products
    (2.0, 3)
    """

    runs: tuple[Lanczos, ...]
    n: int
    products: int

    @cached_property
    def nodes(self) -> tuple[Vector, ...]:
        """Ascending nodes of each probe, its Ritz values."""
        return tuple(run.quadrature()[0] for run in self.runs)

    @cached_property
    def weights(self) -> tuple[Vector, ...]:
        """Weights of the nodes of each probe, with sum 1."""
        return tuple(run.quadrature()[1] for run in self.runs)

    def merged(self) -> tuple[Vector, Vector]:
        """Return the nodes of all probes in ascending order, and weights that sum to 1."""
        nodes, weights = np.concatenate(self.nodes), np.concatenate(self.weights)
        order = np.argsort(nodes, kind="stable")
        return nodes[order], weights[order] / len(self.runs)

    def smoothed(self, grid: ArrayLike, width: float) -> Estimate:
        """Return the density on a grid, each node widened to a bell curve of standard deviation σ.

        Parameters
        ----------
        grid : array of any shape
        width : float
            σ.

        Returns
        -------
        Estimate
            Value and error have the shape of the grid; the density has integral 1.

        Raises
        ------
        TypeError, ValueError
            The grid does not hold finite floats; the width is not positive.
        """
        t, width = as_floats("grid", grid)[..., None], as_step(width, "width")
        height = 1 / (width * np.sqrt(2 * np.pi))
        return self._mean(lambda nodes: height * np.exp(-(((t - nodes) / width) ** 2) / 2))

    def cumulative(self, grid: ArrayLike) -> Estimate:
        """Return the share of eigenvalues that are at most t, for every t of a grid.

        Parameters
        ----------
        grid : array of any shape

        Returns
        -------
        Estimate
            Value and error have the shape of the grid.

        Raises
        ------
        TypeError, ValueError
            The grid does not hold finite floats.
        """
        t = as_floats("grid", grid)[..., None]
        return self._mean(lambda nodes: nodes <= t)

    def moment(self, order: int) -> Estimate:
        """Return the mean of λ^order over all eigenvalues, tr A^order / n.

        Parameters
        ----------
        order : int
            From 1 on.

        Returns
        -------
        Estimate

        Raises
        ------
        ValueError
            The order is not a whole number from 1 on.
        """
        order = as_count("order", order)
        return self.expectation(lambda nodes: nodes**order)

    def expectation(self, f: Callable[[Any], Any]) -> Estimate:
        """Return the mean of f(λ) over all eigenvalues, tr f(A) / n.

        Parameters
        ----------
        f : callable
            Takes an array of numbers and returns one of the same shape.

        Returns
        -------
        Estimate
            The error joins the standard error over the probes with what the second half of the
            Lanczos steps changed. It does not see eigenvalues that no run has come close to.

        Raises
        ------
        TypeError, ValueError
            f cannot be called, does not return such an array, or is not finite at a node.
        """
        need_callable("f", f)

        def checked(nodes: Vector) -> Any:
            with np.errstate(all="ignore"):
                values = np.asarray(f(nodes))
            if values.dtype.kind not in "fiub" or values.shape not in ((), nodes.shape):
                raise TypeError(
                    f"f must return real numbers, an array of shape {nodes.shape} for one of that "
                    f"shape, got {describe(values)}"
                )
            values = np.broadcast_to(values, nodes.shape)
            if not np.all(np.isfinite(values)):
                where = first_index(~np.isfinite(values))
                raise ValueError(f"f is {values[where]} at the node {nodes[where]:.6g} of A")
            return values

        fine = self._mean(checked)
        coarse = [run.quadrature(_fewer(run)) for run in self.runs]
        change = fine.value - np.mean([w @ checked(nodes) for nodes, w in coarse])
        return Estimate(fine.value, float(np.hypot(fine.error, change)), self.products)

    def _mean(self, f: Callable[[Vector], Any]) -> Estimate:
        samples = np.array([f(t) @ w for t, w in zip(self.nodes, self.weights, strict=True)])
        return Estimate(np.mean(samples, axis=0), spread(samples), self.products)


def _fewer(run: Lanczos) -> int:
    """Return half of the steps, or all where the run ended by itself and is exact."""
    m = run.alpha.size
    return m if run.beta[-1] == 0 else max(1, m // 2)


def spectral_density(
    A: Operator, *, steps: int = 80, probes: int = 10, rng: np.random.Generator | None = None
) -> SpectralDensity:
    """Return where the eigenvalues of a symmetric matrix lie, from a few Lanczos runs.

    Parameters
    ----------
    A : LinearOperator, array or sparse matrix of shape (n, n)
    steps : int
        Lanczos steps, at least 2: how finely each probe sees the spectrum.
    probes : int
        Random start vectors: how well they stand for all directions. Often this is what limits the
        accuracy.
    rng : numpy Generator, optional
        `default_rng(0)` when left out.

    Returns
    -------
    SpectralDensity

    Raises
    ------
    TypeError, ValueError
        A is not square, not symmetric or has products that are not finite; `steps` or `probes` is
        too small.

    Notes
    -----
    For a vector q of length 1 and uniform direction, tr f(A) / n = E qᵀ f(A) q, and a Lanczos run
    from q gives Gauss quadrature for qᵀ f(A) q = Σ wᵢ f(θᵢ). That is exact once there are as many
    steps as distinct eigenvalues.
    Cost: at most `steps` × `probes` products, in blocks of all probes unless memory is short.
    Source: Ubaru, Chen & Saad, *Fast Estimation of tr(f(A)) via Stochastic Lanczos Quadrature*
    (2017); for neural networks Ghorbani, Krishnan & Xiao, *An Investigation into Neural Net
    Optimization via Hessian Eigenvalue Density* (2019).

    Examples
    --------
    >>> density = spectral_density(np.diag([0.0] * 30 + [1.0] * 10), steps=2)
    >>> nodes, weights = density.merged()
    >>> bool(np.all(np.isclose(nodes, 0) | np.isclose(nodes, 1)))
    True
    """
    M, rng = Counted(A), as_rng(rng)
    steps, probes = as_count("steps", steps, 2), as_count("probes", probes)
    runs: list[Lanczos] = []
    for width in pieces(probes, KEPT // (M.n * min(steps, M.n))):
        runs += lanczos_runs(A, steps, rng.standard_normal((width, M.n)).T)
    return SpectralDensity(tuple(runs), M.n, sum(run.products for run in runs))
