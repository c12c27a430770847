"""Natural gradient: steepest descent measured by how much the model's distribution changes."""

from __future__ import annotations

import numpy as np

from .._inputs import as_count
from ._core import Method, Oracle, Point, Step
from ._settings import need_between, need_positive


def natural_gradient(
    lr: float = 1.0,
    damping: float = 1e-3,
    *,
    tolerance: float = 1e-4,
    max_products: int = 250,
    batch_size: int | None = None,
) -> Method:
    r"""Return natural gradient descent, with Fisher's matrix of the model by products.

    .. math:: (F_k + \lambda I) p_k = -g_k, \qquad x_{k+1} = x_k + \eta p_k

    Parameters
    ----------
    lr : float
        The learning rate η.
    damping : float
        λ, from 0 on. It keeps the step short where the data say nothing. The `ridge` of the
        objective, its weight decay, is added to it.
    tolerance : float
        Conjugate gradients solve for p until the residual is this part of ‖g‖.
    max_products : int
        They stop after so many products; the note then says "inner limit".
    batch_size : int, optional
        Rows of the mini-batch of each step, for g and F; all rows without it.

    Raises
    ------
    ValueError, TypeError
        A setting out of its range.

    Notes
    -----
    For an objective with `model` and `likelihood`. F is exact, with targets drawn from the model.
    Where F is the Gauss–Newton matrix (softmax with cross-entropy, squared error) the step is that
    of damped Gauss–Newton. F is positive semi-definite, so p is always a descent direction.
    Cost: 2 gradients and the products of the inner solver a step.
    Source: Amari, *Natural Gradient Works Efficiently in Learning*, Neural Computation 10 (1998);
    Martens, *New Insights and Perspectives on the Natural Gradient Method*, JMLR 21 (2020).

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder.losses import mean_squared_error
    >>> from secondorder.networks import mlp
    >>> f = mlp([1, 1]).objective(mean_squared_error, np.array([[2.0]]), np.array([[3.0]]))
    >>> run = natural_gradient(damping=0.0)(f, np.array([1.0, 0.0]))
    >>> [round(it.value, 6) for it in islice(run, 2)]
    [0.5, 0.0]
    """
    lr, damping = need_positive("lr", lr), need_between("damping", damping, 0, np.inf)
    tolerance = need_between("tolerance", tolerance, 0, 1, open_start=True)
    max_products = as_count("max_products", max_products)

    def update(oracle: Oracle, at: Point, memory: None, rng: np.random.Generator) -> Step:
        from scipy.sparse.linalg import LinearOperator, cg

        if not at.g.any():
            return Step(at.x, None, "stationary")
        F = oracle.fisher_operator(at.x, at.batch)
        shift = damping + oracle.objective.ridge
        A = LinearOperator(F.shape, lambda v: F @ v + shift * v, dtype=F.dtype)
        p, left = cg(A, -at.g, rtol=tolerance, maxiter=max_products)
        return Step(at.x + lr * p, None, "inner limit" if left else "")

    return Method("natural gradient", update, needs=("model", "likelihood"), batch_size=batch_size)
