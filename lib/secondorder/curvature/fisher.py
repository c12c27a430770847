"""Fisher's information matrix as an operator: exact, by sampling, and the empirical one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._inputs import Vector, as_count, as_rng
from .._linear import BlockMap
from ..objectives import Objective
from ._operator import Block, CurvatureOperator, Map, need
from .ggn import through_outputs


def fisher_operator(
    objective: Objective,
    x: ArrayLike,
    *,
    samples: int | None = None,
    rng: np.random.Generator | None = None,
    batches: Sequence[Any] | None = None,
    map: Map = map,
) -> CurvatureOperator:
    """Return Fisher's information matrix F of a model at x, exact or by sampled targets.

    Parameters
    ----------
    objective : Objective
        With `model` and `likelihood`.
    x : array of shape (n,)
    samples : int, optional
        Draw so many targets a row from the model, and average (Monte-Carlo). Left out: exact.
    rng : numpy Generator, optional
        For the samples; `default_rng(0)` when left out. They are drawn once, so the operator is
        one fixed matrix.
    batches, map
        As `hessian_operator`.

    Returns
    -------
    CurvatureOperator of shape (n, n), dtype of x, positive semi-definite

    Raises
    ------
    TypeError
        The objective has no model or likelihood.
    TypeError, ValueError, RuntimeError
        As `hessian_operator`; samples is not a whole number from 1 on.

    Notes
    -----
    F = mean over rows of E[∇log p(y) ∇log p(y)ᵀ], with y drawn from the *model*, not the data. That
    is Jᵀ M J with M the information of the outputs. For softmax with cross-entropy, and for squared
    error, F = G. A ridge of the objective is no part of F.
    Cost: as `ggn_operator`.
    Source: Martens, *New Insights and Perspectives on the Natural Gradient Method*, JMLR 21 (2020).

    Examples
    --------
    >>> from secondorder.losses import mean_squared_error
    >>> from secondorder.networks import mlp
    >>> net = mlp([1, 1])
    >>> f = net.objective(mean_squared_error, np.array([[2.0]]), np.array([[0.0]]))
    >>> fisher_operator(f, np.array([1.0, 0.0])) @ np.eye(2)
    array([[4., 2.],
           [2., 1.]])
    """
    found = need(objective, "model", "likelihood", what="fisher_operator")
    if samples is None:
        return CurvatureOperator(_exact, found, x, batches, map)
    count = as_count("samples", samples)
    batches = batches if batches is None else list(batches)
    parts = 1 if batches is None else len(batches)
    options = [{"samples": count, "seed": int(s)} for s in as_rng(rng).integers(2**63, size=parts)]
    return CurvatureOperator(_sampled, found, x, batches, map, options=options)


def empirical_fisher_operator(
    objective: Objective,
    x: ArrayLike,
    *,
    batches: Sequence[Any] | None = None,
    map: Map = map,
) -> CurvatureOperator:
    """Return the empirical Fisher matrix: the mean of g gᵀ over the rows' own gradients.

    Parameters
    ----------
    objective : Objective
        With `model`, `likelihood` and `data`; the last array of a batch holds the targets.
    x : array of shape (n,)
    batches, map
        As `hessian_operator`.

    Returns
    -------
    CurvatureOperator of shape (n, n), dtype of x, positive semi-definite

    Raises
    ------
    TypeError
        The objective has no model or likelihood, or no data and no batches were passed.
    TypeError, ValueError, RuntimeError
        As `hessian_operator`.

    Notes
    -----
    The targets are those of the data. It is not Fisher's matrix, and near a good fit it is far from
    it: the gradients vanish there, the information does not. A ridge of the objective is no part
    of it. Cost: as `ggn_operator`.
    Source: Kunstner, Balles & Hennig, *Limitations of the Empirical Fisher Approximation for
    Natural Gradient Descent*, NeurIPS (2019).

    Examples
    --------
    >>> from secondorder.losses import mean_squared_error
    >>> from secondorder.networks import mlp
    >>> f = mlp([1, 1]).objective(mean_squared_error, np.array([[2.0]]), np.array([[0.0]]))
    >>> empirical_fisher_operator(f, np.array([1.0, 0.0])) @ np.eye(2)
    array([[16.,  8.],
           [ 8.,  4.]])
    """
    parts = ("model", "likelihood") if batches is not None else ("model", "likelihood", "data")
    found = need(objective, *parts, what="empirical_fisher_operator")
    return CurvatureOperator(_empirical, found, x, batches, map)


def _exact(objective: Objective, x: Vector, batch: Any) -> BlockMap:
    def information(outputs: Any) -> BlockMap:
        rows = outputs.dtype.type(len(outputs))
        return lambda U: objective.likelihood.information(outputs, U) / rows

    return through_outputs(objective, x, batch, information)


def _sampled(objective: Objective, x: Vector, batch: Any, samples: int, seed: int) -> BlockMap:
    def scores(outputs: Any) -> BlockMap:
        rng = np.random.default_rng(seed)
        likelihood = objective.likelihood
        drawn = [
            likelihood.gradients(outputs, likelihood.sample(outputs, rng)) for _ in range(samples)
        ]
        return partial(_mean_of_squares, np.array(drawn, outputs.dtype))

    return through_outputs(objective, x, batch, scores)


def _empirical(objective: Objective, x: Vector, batch: Any) -> BlockMap:
    def scores(outputs: Any) -> BlockMap:
        data: Any = objective.data if batch is None else batch
        targets = data[-1]
        drawn = objective.likelihood.gradients(outputs, targets)
        return partial(_mean_of_squares, np.array([drawn], outputs.dtype))

    return through_outputs(objective, x, batch, scores)


def _mean_of_squares(scores: NDArray[np.floating], U: Block) -> Block:
    """Return the mean over samples s and rows of g (g·u): scores are (S, N, C), U is (k, N, C)."""
    along = np.einsum("snc,knc->skn", scores, U)
    out = np.einsum("skn,snc->knc", along, scores)
    return out / U.dtype.type(scores.shape[0] * scores.shape[1])
