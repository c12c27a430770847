"""The Lanczos process: a symmetric matrix seen from one vector, as a small tridiagonal one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh_tridiagonal

from .._inputs import Matrix, Vector, as_count, as_floats, as_rng, as_vector
from ._operator import Counted, Operator


@dataclass(frozen=True, eq=False)
class Lanczos:
    """A Q = Q T + β_m q_{m+1} e_mᵀ, where T is tridiagonal and Q has orthonormal columns.

    Attributes
    ----------
    alpha : array of shape (m,), the diagonal of T
    beta : array of shape (m,)
        The entries beside the diagonal, then the norm β_m of what T leaves out: 0 where the vectors
        Q span an invariant subspace.
    Q : array of shape (n, m), or None where the vectors were not kept
    products : int

    Examples
    --------
    >>> run = lanczos(np.diag([1.0, 3.0]), 5, start=[1.0, 1.0])
    >>> run.alpha.round(9), run.beta.round(9)
    (array([2., 2.]), array([1., 0.]))
    """

    alpha: Vector
    beta: Vector
    Q: Matrix | None
    products: int

    def quadrature(self, steps: int | None = None) -> tuple[Vector, Vector]:
        """Return nodes θ and weights w with Σ wᵢ f(θᵢ) ≈ qᵀ f(A) q, where q = start / ‖start‖.

        The nodes are the eigenvalues of T, the weights the squared first entries of its
        eigenvectors: Gauss quadrature, exact for polynomials of degree 2m − 1.

        Parameters
        ----------
        steps : int, optional
            Use only so many of the m steps.

        Returns
        -------
        nodes, weights : arrays of shape (m,)
            Ascending nodes; the weights sum to 1.

        Raises
        ------
        ValueError
            `steps` is not a whole number from 1 to m.
        """
        m = self.alpha.size if steps is None else as_count("steps", steps)
        if m > self.alpha.size:
            raise ValueError(f"steps must be at most {self.alpha.size}, the steps made, got {m}")
        nodes, vectors = eigh_tridiagonal(self.alpha[:m], self.beta[: m - 1])
        return nodes, vectors[0] ** 2


def lanczos(
    A: Operator,
    steps: int,
    *,
    start: ArrayLike | None = None,
    rng: np.random.Generator | None = None,
) -> Lanczos:
    """Return m steps of the Lanczos process from one vector.

    Parameters
    ----------
    A : LinearOperator, array or sparse matrix of shape (n, n)
    steps : int
        At most so many; it stops earlier where the vectors span an invariant subspace, up to
        rounding.
    start : array of shape (n,), optional
        First vector, of any length but 0. Left out: drawn by `rng`.
    rng : numpy Generator, optional
        `default_rng(0)` when left out.

    Returns
    -------
    Lanczos

    Raises
    ------
    TypeError, ValueError
        A is not square, not symmetric or has products that are not finite; `start` is zero or has
        the wrong shape; `steps` is not a whole number from 1 on.

    Notes
    -----
    β_j q_{j+1} = A q_j − α_j q_j − β_{j−1} q_{j−1}, orthogonalised against all vectors so
    far: without that, rounding makes copies of the eigenvalues found first.
    Cost: 1 product a step, 2 n m² operations and n m numbers for the vectors.
    Source: Golub & Van Loan, *Matrix Computations* (2013), chapter 10.

    Examples
    --------
    >>> A = np.diag([1.0, 2.0, 4.0])
    >>> run = lanczos(A, 3, rng=np.random.default_rng(1))
    >>> nodes, weights = run.quadrature()
    >>> nodes.round(9), float(weights.sum().round(9))
    (array([1., 2., 4.]), 1.0)
    """
    M = Counted(A)
    q = as_rng(rng).standard_normal(M.n) if start is None else as_vector("start", start, M.n)
    return lanczos_runs(A, steps, q[:, None], vectors=True)[0]


def lanczos_runs(
    A: Operator, steps: int, starts: ArrayLike, *, vectors: bool = False
) -> tuple[Lanczos, ...]:
    """Return Lanczos processes from k vectors, independent but in step: each step is one ``A @ V``.

    Parameters
    ----------
    A : LinearOperator, array or sparse matrix of shape (n, n)
    steps : int
        At most so many; a run that stops earlier leaves the block.
    starts : array of shape (n, k)
        One start vector a column.
    vectors : bool
        Keep the Lanczos vectors Q of every run.

    Returns
    -------
    tuple of k Lanczos

    Raises
    ------
    TypeError, ValueError
        As `lanczos`.

    Notes
    -----
    As `lanczos`. This is not the block Lanczos method, whose runs share one subspace.
    Cost: k products a step; n m k numbers while it runs.

    Examples
    --------
    >>> runs = lanczos_runs(np.diag([1.0, 3.0]), 5, np.array([[1.0, 1.0], [1.0, 0.0]]))
    >>> [run.alpha.round(9).tolist() for run in runs]
    [[2.0, 2.0], [1.0]]
    """
    M, V = Counted(A), as_floats("starts", starts)
    m = min(as_count("steps", steps), M.n)
    if V.ndim != 2 or len(V) != M.n or V.shape[1] == 0:
        raise ValueError(f"starts must have shape ({M.n}, k), got {V.shape}")
    sizes = np.max(np.abs(V), axis=0)
    if not np.all(sizes):
        raise ValueError("a start vector is zero: Lanczos needs a direction to start from")
    runs = [_Run(M, q / np.linalg.norm(q), m) for q in (V / sizes).T]
    for _ in range(m):
        active = [run for run in runs if not run.done]
        if not active:
            break
        AV = M @ np.column_stack([run.Q[len(run.alpha)] for run in active])
        for run, w in zip(active, AV.T, strict=True):
            run.advance(w)
    return tuple(run.result(vectors) for run in runs)


class _Run:
    """One Lanczos process in the making; the vectors are the rows of Q."""

    def __init__(self, M: Counted, q: Vector, steps: int) -> None:
        self.M, self.done, self.size = M, False, 0.0
        self.Q = np.empty((steps, M.n), M.dtype)
        self.Q[0] = q
        self.alpha: list[float] = []
        self.beta: list[float] = []

    def advance(self, w: Vector) -> None:
        """Take the next step, given w = A q_j."""
        M, j = self.M, len(self.alpha)
        Q = self.Q[: j + 1]
        self.size = max(self.size, float(np.linalg.norm(w)))
        alpha = float(Q[j] @ w)
        w = w - alpha * Q[j]
        if j:
            w -= self.beta[-1] * Q[j - 1]
        c = Q @ w
        M.need_symmetric(c[:-1], self.size)
        before = np.linalg.norm(w)
        w -= c @ Q
        if np.linalg.norm(w) < before / 2:  # much was taken away: what is left needs it again
            again = Q @ w
            w -= again @ Q
            alpha += float(again[-1])
        beta = float(np.linalg.norm(w))
        self.alpha.append(alpha + float(c[-1]))
        rounding = 10 * M.eps * np.sqrt(M.n) * self.size
        if beta <= rounding or j + 1 == M.n:  # an invariant subspace
            beta, self.done = 0.0, True
        self.beta.append(beta)
        if not self.done and j + 1 < len(self.Q):
            self.Q[j + 1] = w / beta

    def result(self, vectors: bool) -> Lanczos:
        m, dtype = len(self.alpha), self.M.dtype
        Q = self.Q[:m].T if vectors else None
        return Lanczos(np.array(self.alpha, dtype), np.array(self.beta, dtype), Q, m)
