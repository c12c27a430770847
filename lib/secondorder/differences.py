"""Derivatives by differences of values: what the exact ones in `derivatives` are compared with.

Each takes a step `h` and works along one direction. On the line (`x` a number) no direction is
needed. In many dimensions pass `v`, and the answer is the rate of change along `v`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import derivatives as exact
from ._inputs import Function, Vector, as_floats, as_step, as_vector, evaluate, need_scalar

_EPS = np.finfo(float).eps
FORWARD_STEP = _EPS ** (1 / 2)
CENTRAL_STEP = _EPS ** (1 / 3)
SECOND_STEP = _EPS ** (1 / 4)


def forward_difference(
    f: Function, x: ArrayLike, h: float = FORWARD_STEP, v: ArrayLike | None = None
) -> NDArray[np.floating] | float:
    """Return (f(x + h v) − f(x)) / h, the slope of a chord to the right.

    Parameters
    ----------
    f : callable
        Takes `x` and returns a number or an array.
    x : float, or array of shape (n,)
    h : float
        Step, positive. The default, ε^½ ≈ 1.5e-8, balances the two errors for a function whose
        values and bends are near 1.
    v : array of shape (n,), needed when `x` is an array

    Returns
    -------
    float or array
        The shape of f(x): the derivative of f along v, with an error of order h.

    Raises
    ------
    TypeError, ValueError
        Bad `x`, `v` or `h`; an f that changes its argument.

    Notes
    -----
    Cost: 2 evaluations of f. Source: Nocedal & Wright, *Numerical Optimization* (2006), eq. 8.1.

    Examples
    --------
    >>> round(forward_difference(lambda t: t**2, 3.0, h=0.5), 12)
    6.5
    """
    x, v, h = _ray(x, v, h)
    return _number((evaluate(f, x + h * v) - evaluate(f, x)) / h)


def central_difference(
    f: Function, x: ArrayLike, h: float = CENTRAL_STEP, v: ArrayLike | None = None
) -> NDArray[np.floating] | float:
    """Return (f(x + h v) − f(x − h v)) / 2h, the slope of a chord that straddles x.

    Parameters and errors are those of `forward_difference`; the default step is ε^⅓ ≈ 6.1e-6 and
    the error is of order h². On a quadratic it is exact up to rounding.

    Notes
    -----
    Cost: 2 evaluations of f. Source: Nocedal & Wright (2006), eq. 8.7.

    Examples
    --------
    >>> round(central_difference(lambda t: t**2, 3.0, h=0.5), 12)
    6.0
    """
    x, v, h = _ray(x, v, h)
    return _number((evaluate(f, x + h * v) - evaluate(f, x - h * v)) / (2 * h))


def second_difference(
    f: Function, x: ArrayLike, h: float = SECOND_STEP, v: ArrayLike | None = None
) -> NDArray[np.floating] | float:
    """Return (f(x + h v) − 2 f(x) + f(x − h v)) / h², the bend along v: f″, or vᵀHv.

    Parameters and errors are those of `forward_difference`; the default step is ε^¼ ≈ 1.2e-4 and
    the error is of order h².

    Notes
    -----
    Cost: 3 evaluations of f. Source: Nocedal & Wright (2006), section 8.1.

    Examples
    --------
    >>> round(second_difference(lambda t: t**2, 3.0, h=0.5), 12)
    2.0
    """
    x, v, h = _ray(x, v, h)
    middle = evaluate(f, x)
    return _number((evaluate(f, x + h * v) - 2 * middle + evaluate(f, x - h * v)) / h**2)


def complex_step(
    f: Function, x: ArrayLike, h: float = 1e-20, v: ArrayLike | None = None
) -> NDArray[np.floating] | float:
    """Return Im f(x + i h v) / h: a difference without a subtraction, so h can be tiny.

    Works for functions built from steps that accept complex numbers and are analytic. A function
    that drops the imaginary part somewhere (`abs`, `np.real`, a norm) is refused, not silently
    given a wrong slope: the result is compared with a central difference first.

    Parameters and further errors are those of `forward_difference`.

    Notes
    -----
    Cost: 1 complex evaluation of f, and 3 evaluations for the comparison. Source: Squire & Trapp, *Using Complex Variables to Estimate
    Derivatives of Real Functions*, SIAM Review 40 (1998).

    Examples
    --------
    >>> complex_step(lambda t: t**3, 2.0)
    12.0
    """
    point, direction, h = _ray(x, v, h)
    slope = _imaginary_slope(f, point, direction, 1e-20)
    step = CENTRAL_STEP * max(1.0, float(np.max(np.abs(point))))
    rough = np.asarray(central_difference(f, x, step, v))
    size = 1 + np.abs(rough) + np.abs(evaluate(f, point))
    if np.any(np.abs(slope - rough) > 1e-3 * size):
        raise TypeError(
            "f dropped the imaginary part on the way (abs, real, norm, a comparison …), or jumps "
            "here: the complex step needs an analytic f. Use central_difference instead"
        )
    return _number(slope if h == 1e-20 else _imaginary_slope(f, point, direction, h))


def _imaginary_slope(f: Function, x: NDArray, v: NDArray, h: float) -> NDArray[np.floating]:
    return np.imag(np.asarray(f((x + 1j * h * v)[()]))) / h


@dataclass(frozen=True)
class DerivativeCheck:
    """What `check_derivatives` found; `ok` sums it up and `print` shows the table."""

    gradient_error: float
    hessian_error: float
    kink: float
    tolerance: float

    @property
    def ok(self) -> bool:
        """True when gradient and Hessian agree with differences and no kink was met."""
        return max(self.gradient_error, self.hessian_error, self.kink) <= self.tolerance

    def __str__(self) -> str:
        rows = (
            ("gradient against central differences", self.gradient_error),
            ("Hessian against differences of the gradient", self.hessian_error),
            ("gap between the slopes on the two sides", self.kink),
        )
        return "\n".join(
            f"{'ok ' if error <= self.tolerance else 'BAD'}  {what}: {error:.1e}"
            for what, error in rows
        )


def check_derivatives(
    f: Function,
    x: ArrayLike,
    *,
    gradient: Function | None = None,
    hessian: Function | None = None,
    directions: int = 5,
    tolerance: float = 1e-4,
    rng: np.random.Generator | None = None,
) -> DerivativeCheck:
    """Compare a gradient and a Hessian with differences along random directions.

    Parameters
    ----------
    f : callable
        Takes a flat array of shape (n,) and returns one number.
    x : array of shape (n,)
    gradient, hessian : callables x ↦ (n,) and x ↦ (n, n), optional
        What to check. Left out: autograd's.
    directions : int
        How many random unit directions.
    tolerance : float
        Largest error counted as agreement, relative to max(1, size of the derivative).
    rng : numpy Generator, optional
        Left out: a generator seeded with 0.

    Returns
    -------
    DerivativeCheck
        The three largest relative errors, and `ok`.

    Raises
    ------
    TypeError, ValueError
        Bad `x` or `f`; a supplied gradient or Hessian of the wrong shape.

    Notes
    -----
    The gap between one-sided slopes shrinks with the step where f is smooth and stays where f has
    a kink, so this also finds kinks made by `if` and `np.where`.
    Cost: one Hessian, and `directions` × (5 evaluations and 2 gradients).

    Examples
    --------
    >>> check_derivatives(lambda x: x[0] ** 2 * x[1], [1.0, 2.0]).ok
    True
    >>> check_derivatives(lambda x: abs(x[0]), [0.0], gradient=lambda x: [0.0]).ok
    False
    """
    point = as_vector("x", x)
    need_scalar(evaluate(f, point))
    rng = np.random.default_rng(0) if rng is None else rng
    grad = gradient or (lambda z: exact.gradient(f, z))
    hess = hessian or (lambda z: exact.hessian(f, z))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exact.KinkWarning)
        g = as_vector("gradient(x)", grad(point.copy()), point.size)
        H = as_floats("hessian(x)", hess(point.copy()))
    if H.shape != (point.size, point.size):
        raise ValueError(f"hessian(x) must have shape {(point.size,) * 2}, got {H.shape}")
    errors = [_errors(f, point, grad, g, H, u) for u in _unit_vectors(rng, directions, point.size)]
    return DerivativeCheck(*np.max(errors, axis=0).tolist(), tolerance)


def _errors(f: Function, x: Vector, grad: Function, g: Vector, H: Vector, u: Vector) -> list[float]:
    slope, size = g @ u, max(1.0, float(np.max(np.abs(x))))
    right = forward_difference(f, x, FORWARD_STEP * size, u)
    left = forward_difference(f, x, FORWARD_STEP * size, -u)
    bend = central_difference(grad, x, CENTRAL_STEP * size, u)
    scale = max(1.0, abs(slope), abs(float(evaluate(f, x))))
    return [
        abs(central_difference(f, x, CENTRAL_STEP * size, u) - slope) / scale,
        float(np.max(np.abs(bend - H @ u))) / max(1.0, float(np.max(np.abs(H)))),
        abs(right + left) / scale,
    ]


def _unit_vectors(rng: np.random.Generator, count: int, n: int) -> NDArray[np.floating]:
    u = rng.normal(size=(count, n))
    return u / np.linalg.norm(u, axis=1, keepdims=True)


def _ray(x: ArrayLike, v: ArrayLike | None, h: float) -> tuple[NDArray, NDArray, float]:
    """Return point, direction and step as checked arrays; on the line the direction is 1."""
    point = as_floats("x", x)
    if v is None:
        if point.ndim:
            raise ValueError(
                f"v is missing: x has shape {point.shape}, so say along which direction to go"
            )
        return point, np.ones((), point.dtype), as_step(h)
    return point, as_vector("v", v, as_vector("x", point).size), as_step(h)


def _number(value: NDArray) -> NDArray[np.floating] | float:
    return value if value.ndim else float(value)
