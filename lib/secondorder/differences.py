"""Derivatives by differences of values: what the exact ones in `derivatives` are compared with.

Each takes a step `h` and works along one direction. On the line (`x` a number) no direction is
needed. In many dimensions pass `v`, and the answer is the rate of change along `v`.

Differences are taken in float64, whatever the dtype of `x`: in float32 the default steps would
vanish against `x`. An f that rounds to float32 itself is refused when the step is too small for it.
A step so small that x + h v rounds to x is not an error: it is the left end of every error curve.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import derivatives as exact
from ._inputs import (
    Function,
    Vector,
    as_count,
    as_floats,
    as_step,
    as_vector,
    describe,
    evaluate,
    need_callable,
    need_finite,
    need_scalar,
)

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
        Bad `x`, `v` or `h`; an f that changes its argument, returns no real numbers, or is nan or
        inf at a point that is needed.

    Notes
    -----
    Cost: 2 evaluations of f. Source: Nocedal & Wright, *Numerical Optimization* (2006), eq. 8.1.

    Examples
    --------
    >>> round(forward_difference(lambda t: t**2, 3.0, h=0.5), 12)
    6.5
    """
    point, direction, h = _ray(f, x, v, h)
    values = _values(f, point, direction, h, (1, 0))
    return _number((values[0] - values[1]) / h)


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
    point, direction, h = _ray(f, x, v, h)
    values = _values(f, point, direction, h, (1, -1))
    return _number((values[0] - values[1]) / (2 * h))


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
    point, direction, h = _ray(f, x, v, h, least=1e-150)
    values = _values(f, point, direction, h, (1, 0, -1))
    return _number((values[0] - 2 * values[1] + values[2]) / h**2)


def complex_step(
    f: Function, x: ArrayLike, h: float = 1e-20, v: ArrayLike | None = None
) -> NDArray[np.floating] | float:
    """Return Im f(x + i h v) / h: a difference without a subtraction, so h can be tiny.

    Works for functions built from steps that accept complex numbers and are analytic. A function
    that drops the imaginary part somewhere (`abs`, `np.real`, a norm), or has a kink at `x`, is
    refused, not silently given a wrong slope: the result is compared with central differences.

    Parameters and further errors are those of `forward_difference`.

    Notes
    -----
    Cost: 1 complex evaluation of f, and 5 evaluations for the comparison. Source: Squire & Trapp,
    *Using Complex Variables to Estimate Derivatives of Real Functions*, SIAM Review 40 (1998).

    Examples
    --------
    >>> complex_step(lambda t: t**3, 2.0)
    12.0
    """
    point, direction, h = _ray(f, x, v, h, least=1e-150)
    step = CENTRAL_STEP * max(1.0, float(np.max(np.abs(point))))
    right, near_right, here, near_left, left = _values(
        f, point, direction, step, (1, 0.25, 0, -0.25, -1)
    )
    rough, fine = (right - left) / (2 * step), (near_right - near_left) / (step / 2)
    fold = np.abs(right - 2 * here + left) / step
    fine_fold = np.abs(near_right - 2 * here + near_left) / (step / 4)
    slope = _imaginary_slope(f, point, direction, 1e-20)
    if slope.shape != here.shape:
        raise ValueError(f"f returned shape {slope.shape} at a complex x and {here.shape} at x")
    noise = 1e-8 * np.abs(here) + 3 * np.abs(rough - fine)
    wrong = np.abs(slope - fine) > 1e-3 * np.maximum(np.abs(slope), np.abs(fine)) + noise
    kink = (fine_fold > 0.5 * fold) & (fine_fold > 1e-6 * (np.abs(fine) + np.abs(here)) + 1e-300)
    if np.any(wrong | kink):
        raise TypeError(
            "f dropped the imaginary part on the way (abs, real, norm, a comparison …), or has a "
            "kink or a jump here: the complex step needs an analytic f. Use central_difference "
            "instead"
        )
    return _number(slope if h == 1e-20 else _imaginary_slope(f, point, direction, h))


def _imaginary_slope(f: Function, x: NDArray, v: NDArray, h: float) -> NDArray[np.floating]:
    try:
        with warnings.catch_warnings():  # our own error says more
            warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
            value = np.asarray(f((x + 1j * h * v)[()]))
    except (TypeError, ValueError) as error:
        raise TypeError(
            "f does not take complex numbers, which the complex step needs: write it with numpy "
            f"functions, or use central_difference. It said: {error}"
        ) from error
    slope = np.imag(value) / h
    need_finite(slope, "the complex step of f", "here")
    return slope


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
        Bad `x`, `f` or option; a supplied gradient or Hessian of the wrong shape; and, where one of
        them is left out, whatever `derivatives.gradient` or `derivatives.hessian` raises at `x`.

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
    point = as_vector("x", x).astype(float)
    need_scalar(evaluate(f, point))
    directions = as_count("directions", directions)
    tolerance = as_step(tolerance, "tolerance")
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy Generator, got {describe(rng)}")
    for name, given in (("gradient", gradient), ("hessian", hessian)):
        if given is not None:
            need_callable(name, given)
    rng = np.random.default_rng(0) if rng is None else rng
    slope_of = gradient or (lambda z: exact.gradient(f, z))
    bend_of = hessian or (lambda z: exact.hessian(f, z))

    def grad(z: Vector) -> Vector:
        return as_vector("gradient(x)", slope_of(z), point.size)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exact.KinkWarning)
        g = grad(point.copy())
        H = as_floats("hessian(x)", bend_of(point.copy()))
        if H.shape != (point.size, point.size):
            raise ValueError(f"hessian(x) must have shape {(point.size,) * 2}, got {H.shape}")
        units = _unit_vectors(rng, directions, point.size)
        errors = [_errors(f, point, grad, g, H, u) for u in units]
    slope_error, bend_error, kink = np.max(errors, axis=0).tolist()
    return DerivativeCheck(slope_error, bend_error, kink, tolerance)


def _errors(f: Function, x: Vector, grad: Function, g: Vector, H: Vector, u: Vector) -> list[float]:
    slope, size = float(g @ u), max(1.0, float(np.max(np.abs(x))))
    right = float(forward_difference(f, x, FORWARD_STEP * size, u))
    left = float(forward_difference(f, x, FORWARD_STEP * size, -u))
    middle = float(central_difference(f, x, CENTRAL_STEP * size, u))
    bend = central_difference(grad, x, CENTRAL_STEP * size, u)
    scale = max(1.0, abs(slope), abs(float(evaluate(f, x))))
    return [
        abs(middle - slope) / scale,
        float(np.max(np.abs(bend - H @ u))) / max(1.0, float(np.max(np.abs(H)))),
        abs(right + left) / scale,
    ]


def _unit_vectors(rng: np.random.Generator, count: int, n: int) -> NDArray[np.floating]:
    u = rng.normal(size=(count, n))
    return u / np.linalg.norm(u, axis=1, keepdims=True)


def _ray(
    f: Function, x: ArrayLike, v: ArrayLike | None, h: float, least: float = 0.0
) -> tuple[NDArray[np.floating], NDArray[np.floating], float]:
    """Return point, direction and step, checked, in float64; on the line the direction is 1."""
    need_callable("f", f)
    point = as_floats("x", x).astype(float)
    if v is None:
        if point.ndim:
            raise ValueError(
                f"v is missing: x has shape {point.shape}, so say along which direction to go"
            )
        return point, np.ones(()), as_step(h, least=least)
    direction = as_vector("v", v, as_vector("x", point).size).astype(float)
    return point, direction, as_step(h, least=least)


def _values(
    f: Function, x: NDArray, v: NDArray, h: float, places: tuple[float, ...]
) -> list[NDArray[np.floating]]:
    """Return f at x + s h v for every s in `places`; refuse nan, inf and too coarse a dtype."""
    values = []
    for s in places:
        value = evaluate(f, x + s * h * v)
        need_finite(
            value, at=f"at x {'+' if s > 0 else '-'} {abs(s) * h:g} v" if s else "at this x"
        )
        eps = float(np.finfo(value.dtype).eps)
        if eps > _EPS and h < eps**0.5 / 10:
            raise ValueError(
                f"f returns {value.dtype}, whose rounding drowns a step of h = {h:g}: return "
                f"float64, or pass h of about {eps**0.5:.0e}"
            )
        values.append(value)
    if any(value.shape != values[0].shape for value in values):
        raise ValueError("f returned arrays of different shapes at neighbouring points")
    return values


def _number(value: NDArray) -> NDArray[np.floating] | float:
    return value if value.ndim else float(value)
