"""The shape of a function around one point: curvature along directions, sharpness, slices.

Everything here asks for values, gradients and products only, so it works for networks too.
`local_models.quadric` builds the dense matrix; `quadratic_model` here multiplies with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._inputs import Vector, as_count, as_floats, as_step, as_vector, evaluate, need_scalar
from .curvature import hessian_operator
from .derivatives import gradient
from .estimators import top_eigenpairs
from .estimators._operator import Counted
from .objectives import Objective

Function = Objective | Callable[..., Any]


@dataclass(frozen=True, eq=False)
class QuadraticModel:
    """The parabola m(p) = f(x) + gᵀp + ½ pᵀHp of a step p away from x, by products with H.

    Attributes
    ----------
    x : array of shape (n,)
    value : float
    g : array of shape (n,)
    H : LinearOperator of shape (n, n)

    Examples
    --------
    >>> m = quadratic_model(lambda x: x[0] ** 2 + 2 * x[1] ** 2, [1.0, 1.0])
    >>> m([-1.0, -1.0])
    0.0
    """

    x: Vector
    value: float
    g: Vector
    H: Any

    def __call__(self, p: ArrayLike) -> float:
        """Return m(p). Cost: 1 product.

        Raises
        ------
        TypeError, ValueError
            p is not a flat float array of length n.
        """
        step = as_vector("p", p, self.x.size)
        return float(self.value + self.g @ step + step @ (self.H @ step) / 2)

    def along(self, p: ArrayLike, alphas: ArrayLike) -> Vector:
        """Return m(α p) for every α. Cost: 1 product, however many there are.

        Raises
        ------
        TypeError, ValueError
            p is not a flat float array of length n.
        """
        step, a = as_vector("p", p, self.x.size), as_floats("alphas", alphas)
        return self.value + a * (self.g @ step) + a**2 * (step @ (self.H @ step)) / 2


def quadratic_model(objective: Function, x: ArrayLike) -> QuadraticModel:
    """Return the quadratic model of a function at x, which never builds H.

    Raises
    ------
    TypeError, ValueError
        As `gradient` and `hessian_operator`.

    Notes
    -----
    Cost: 1 value and 2 gradients to make; 1 product a call.

    Examples
    --------
    >>> quadratic_model(lambda x: x[0] ** 2, [3.0]).along([-3.0], [0.0, 1.0])
    array([9., 0.])
    """
    point = as_vector("x", x)
    H = hessian_operator(objective, point)
    return QuadraticModel(point, _value(objective, point), gradient(objective, point), H)


def rayleigh_quotient(A: Any, v: ArrayLike) -> float:
    """Return vᵀAv / vᵀv, the curvature of A along v, whatever the length of v.

    Parameters
    ----------
    A : LinearOperator or array of shape (n, n)
    v : array of shape (n,)

    Raises
    ------
    TypeError, ValueError
        A is not a square matrix of floats; v is not a flat float array of length n, or is zero.

    Notes
    -----
    It lies between the smallest and the largest eigenvalue of a symmetric A. Cost: 1 product.

    Examples
    --------
    >>> rayleigh_quotient(np.diag([1.0, 3.0]), [5.0, 5.0])
    2.0
    """
    matrix = Counted(A)
    direction = as_vector("v", v, matrix.n)
    square = float(direction @ direction)
    if square == 0:
        raise ValueError("v is zero: a direction needs a length")
    return float(direction @ (matrix @ direction)) / square


def sharpness(
    objective: Function,
    x: ArrayLike,
    *,
    batches: Any = None,
    tolerance: float = 1e-6,
    rng: np.random.Generator | None = None,
) -> float:
    """Return the largest eigenvalue of the Hessian at x.

    Gradient descent with a fixed learning rate η is stable in the quadratic model where it lies
    below 2/η.

    Parameters
    ----------
    objective : Objective or callable
    x : array of shape (n,)
    batches : sequence, optional
        As `hessian_operator`.
    tolerance : float
        Relative accuracy.
    rng : numpy Generator, optional
        For the first vector of the iteration.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As `hessian_operator` and `top_eigenpairs`.

    Notes
    -----
    Cost: 1 gradient and about 10 to 60 products.
    Source: Cohen et al., *Gradient Descent on Neural Networks Typically Occurs at the Edge of
    Stability*, ICLR (2021), who use the name in this sense.

    Examples
    --------
    >>> from secondorder import objectives
    >>> round(sharpness(objectives.quadratic([1.0, 4.0, 9.0]), np.ones(3)), 6)
    9.0
    """
    H = hessian_operator(objective, x, batches=batches)
    return float(top_eigenpairs(H, 1, tolerance=tolerance, rng=rng).values[0])


def sam_sharpness(
    objective: Function, x: ArrayLike, *, radius: float = 0.05, steps: int = 1
) -> float:
    """Return how much f rises within a small ball: f(x + e) − f(x), ‖e‖ = radius, e uphill.

    Parameters
    ----------
    objective : Objective or callable
    x : array of shape (n,)
    radius : float
        ρ.
    steps : int
        1 is the e = ρ g/‖g‖ of SAM. More go on uphill from there, projected onto the sphere: a
        tighter lower bound of the rise. The highest point met counts.

    Raises
    ------
    TypeError, ValueError
        As `gradient`; a radius that is not positive.

    Notes
    -----
    To first order it is ρ‖g‖. At a minimum with g = 0 there is no uphill direction, and it is 0.
    Cost: 1 gradient and 1 value a step, and 1 value.
    Source: Foret et al., *Sharpness-Aware Minimization*, ICLR (2021), equations 1 and 2.

    Examples
    --------
    >>> sam_sharpness(lambda x: x[0] ** 2, [1.0], radius=0.5)
    1.25
    """
    point, rho = as_vector("x", x), as_step(radius, "radius")
    start, highest, e = _value(objective, point), 0.0, np.zeros_like(point)
    for _ in range(as_count("steps", steps)):
        uphill = gradient(objective, point + e)
        e = e + rho * uphill / (np.linalg.norm(uphill) or 1.0)
        if not np.any(e):
            return 0.0
        e = e * (rho / np.linalg.norm(e))
        highest = max(highest, _value(objective, point + e) - start)
    return highest


def loss_along(
    objective: Function, x: ArrayLike, v: ArrayLike, alphas: ArrayLike
) -> NDArray[np.floating]:
    """Return f(x + α v) for every α: a slice of the landscape, along an eigenvector for instance.

    Parameters
    ----------
    objective : Objective or callable
    x, v : arrays of shape (n,)
    alphas : array

    Returns
    -------
    array of the shape of `alphas`

    Raises
    ------
    TypeError, ValueError
        x or v is not a flat float array; f does not return one number.

    Notes
    -----
    Cost: 1 value a point.

    Examples
    --------
    >>> loss_along(lambda x: x[0] ** 2 + x[1], [0.0, 1.0], [1.0, 0.0], [-1.0, 0.0, 2.0])
    array([2., 1., 5.])
    """
    point = as_vector("x", x)
    direction, a = as_vector("v", v, point.size), as_floats("alphas", alphas)
    values = [_value(objective, point + step * direction) for step in a.ravel()]
    return np.array(values).reshape(a.shape)


def loss_plane(
    objective: Function, x: ArrayLike, u: ArrayLike, v: ArrayLike, a: ArrayLike, b: ArrayLike
) -> NDArray[np.floating]:
    """Return f(x + αu + βv) on a grid: rows follow β, columns follow α, as contour plots want it.

    Parameters
    ----------
    objective : Objective or callable
    x, u, v : arrays of shape (n,)
    a, b : arrays of shapes (p,), (q,)
        The values of α and β.

    Returns
    -------
    array of shape (q, p)

    Raises
    ------
    TypeError, ValueError
        As `loss_along`.

    Notes
    -----
    Cost: p q values. Directions of a network's weights have scales of their own: the picture
    depends on how u and v are scaled.

    Examples
    --------
    >>> right, up = [1.0, 0.0], [0.0, 1.0]
    >>> loss_plane(lambda x: x[0] + 10 * x[1], [0.0, 0.0], right, up, [0.0, 1.0], [2.0])
    array([[20., 21.]])
    """
    point = as_vector("x", x)
    second = as_vector("v", v, point.size)
    rows = [loss_along(objective, point + beta * second, u, a) for beta in as_vector("b", b)]
    return np.array(rows)


def _value(objective: Function, x: Vector) -> float:
    value = evaluate(objective, x)
    need_scalar(value)
    return float(value)
