"""The generalized Gauss–Newton matrix as an operator, and the frame it shares with Fisher's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._inputs import Vector
from .._linear import Bend, BlockMap, Linear
from ..derivatives import examine
from ..objectives import Objective
from ._operator import Block, CurvatureOperator, Map, need, on


def ggn_operator(
    objective: Objective,
    x: ArrayLike,
    *,
    batches: Sequence[Any] | None = None,
    map: Map = map,
) -> CurvatureOperator:
    """Return the generalized Gauss–Newton matrix G of an objective at x.

    Parameters
    ----------
    objective : Objective
        With `model` and `loss`, fun = loss ∘ model; or with `residuals`, fun = ½‖r‖².
    x : array of shape (n,)
    batches, map
        As `hessian_operator`.

    Returns
    -------
    CurvatureOperator of shape (n, n), dtype of x
        Positive semi-definite wherever the loss is convex in the outputs.

    Raises
    ------
    TypeError
        The objective has neither a model and loss nor residuals.
    TypeError, ValueError, RuntimeError
        As `hessian_operator`.

    Notes
    -----
    G = Jᵀ H_L J + λI, where J is the Jacobian of the model's outputs, H_L the Hessian of the loss
    by the outputs, and λ the `ridge` of the objective. For residuals G = JᵀJ. H − G is what the
    bends of the model add; for a linear model H = G.
    Cost: about 3 evaluations of the model to make; about 1 gradient a product.
    Source: Schraudolph, *Fast Curvature Matrix-Vector Products for Second-Order Gradient Descent*,
    Neural Computation 14 (2002).

    Examples
    --------
    >>> from secondorder import objectives
    >>> G = ggn_operator(objectives.two_weights(), [2.0, 1.0])
    >>> G @ np.eye(2)
    array([[1., 2.],
           [2., 4.]])
    """
    if isinstance(objective, Objective) and objective.model is None and objective.residuals:
        if batches is not None:
            raise TypeError("batches need objective.model and objective.loss, not residuals alone")
        return CurvatureOperator(_of_residuals, objective, x, None, map, ridge=objective.ridge)
    found = need(objective, "model", "loss", what="ggn_operator")
    return CurvatureOperator(_of_loss, found, x, batches, map, ridge=found.ridge)


def _of_loss(objective: Objective, x: Vector, batch: Any) -> BlockMap:
    def bend(outputs: Any) -> BlockMap:
        return Bend(on(objective.loss, batch), outputs).products  # type: ignore[arg-type]

    return through_outputs(objective, x, batch, bend)


def _of_residuals(objective: Objective, x: Vector, batch: Any) -> BlockMap:
    return sandwich(Linear(objective.residuals, x, "residuals"), lambda R: R)  # type: ignore[arg-type]


def through_outputs(
    objective: Objective, x: Vector, batch: Any, middle: Callable[[Any], BlockMap]
) -> BlockMap:
    """Return the products with Jᵀ M J, where `middle(outputs)` makes M for blocks of outputs."""
    model = Linear(on(objective.model, batch), x, "model")  # type: ignore[arg-type]
    return sandwich(model, middle(model.value))


def sandwich(linear: Linear, middle: BlockMap) -> BlockMap:
    """Return V ↦ Jᵀ M J V for the rows of V, after a look at the steps of the model."""
    examine(linear.tape.steps)

    def products(V: Block) -> Block:
        return np.asarray(linear.pull(middle(linear.push(V))), V.dtype)

    return products
