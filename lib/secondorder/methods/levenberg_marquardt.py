"""Levenberg–Marquardt: Gauss–Newton with a damping that follows its luck."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._inputs import Matrix, Vector
from ._core import Method, Oracle, Point, Step
from ._settings import need_choice, need_positive
from ._trial import agreement, rejected, resting, short


class Damping(NamedTuple):
    """λ, the factor of the next rise ν, D, and r and J where the last step was rejected."""

    value: float
    rise: float
    D: Vector
    model: tuple[Vector, Matrix] | None = None


def levenberg_marquardt(damping: float = 1e-3, scaling: str = "columns") -> Method:
    r"""Return Levenberg–Marquardt: damped Gauss–Newton for least squares.

    .. math:: (J_k^\top J_k + \lambda_k D_k) p_k = -J_k^\top r_k, \qquad x_{k+1} = x_k + p_k

    ρ is the fall of f over that of the linear model of r. Where it is positive the step is taken,
    and λ is multiplied by max(1/3, 1 − (2ρ − 1)³). Otherwise x stays, the note says "step
    rejected", and λ is multiplied by 2, then 4, then 8 …

    Parameters
    ----------
    damping : float
        The first λ, in units of the largest diagonal entry of JᵀJ over that of D.
    scaling : str
        D. "columns": the largest diagonal entries of JᵀJ so far, which makes the run independent of
        the units of x. "none": the identity.

    Raises
    ------
    ValueError, TypeError
        A setting out of its range.

    Notes
    -----
    For an objective ½‖r(x)‖² given by its `residuals`.
    Cost: 1 gradient a step, and at each new x 1 gradient and what J costs, counted as n/2 products.
    Source: Marquardt, *An Algorithm for Least-Squares Estimation of Nonlinear Parameters*, SIAM
    Journal 11 (1963); λ as in Nielsen, *Damping Parameter in Marquardt's Method*, Technical
    University of Denmark, IMM-REP-1999-05; D as in Moré, *The Levenberg–Marquardt Algorithm:
    Implementation and Theory* (1978).

    Examples
    --------
    >>> from secondorder import minimize, objectives
    >>> found = minimize(objectives.himmelblau(), [0.0, 0.0], levenberg_marquardt())
    >>> found.reason, found.x.round(6)
    ('converged', array([3., 2.]))
    """
    damping = need_positive("damping", damping)
    scaled = need_choice("scaling", scaling, ("columns", "none")) == "columns"

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> Damping:
        r, J = oracle.residuals_and_jacobian(at.x)
        squares = np.sum(J**2, axis=0)
        D = np.where(squares > 0, squares, 1) if scaled else np.ones_like(at.x)
        return Damping(damping * float(np.max(squares / D)), 2.0, D, (r, J))

    def update(oracle: Oracle, at: Point, memory: Damping, rng: np.random.Generator) -> Step:
        value, rise, D, model = memory
        r, J = model = oracle.residuals_and_jacobian(at.x) if model is None else model
        if scaled:
            D = np.maximum(D, np.sum(J**2, axis=0))
        p = _damped(r, J, value * D)
        if short(at, p):
            return resting(at, p, Damping(value, rise, D, model))
        decrease = float(p @ (value * D * p) - p @ (J.T @ r)) / 2
        rho = agreement(oracle, at, at.x + p, decrease)
        if rho > 0:
            value *= max(1 / 3, 1 - (2 * min(rho, 1.0) - 1) ** 3)
            return Step(at.x + p, Damping(value, 2.0, D))
        return rejected(at, Damping(value * rise, 2 * rise, D, model))

    return Method("Levenberg–Marquardt", update, init, needs=("residuals",))


def _damped(r: Vector, J: Matrix, diagonal: Vector) -> Vector:
    """Solve (JᵀJ + diag) p = −Jᵀr as a least-squares problem, which does not square J."""
    A = np.concatenate([J, np.diag(np.sqrt(diagonal))])
    b = np.concatenate([-r, np.zeros_like(diagonal)])
    return np.linalg.lstsq(A, b)[0]
