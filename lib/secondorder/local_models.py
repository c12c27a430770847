"""Lines and parabolas that touch a function at one point, in one dimension and in many.

`line` and `parabola` live on the axis, `tangent_plane` and `quadric` in R^n. Each matches value and
slope (and curvature) at one point. None of them is a least-squares fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._inputs import Function, Matrix, Vector, as_floats, as_vector, evaluate, need_scalar
from .derivatives import derivative, gradient, hessian

FLAT = 1e-10  # a bend this small, compared with the largest, counts as zero


class NoMinimumError(ValueError):
    """A model has no lowest point, or not a single one: its curvature is not positive.

    Examples
    --------
    >>> line(lambda t: t**2, 3.0).minimiser()
    Traceback (most recent call last):
    secondorder.local_models.NoMinimumError: a line has no single lowest point: there is no step ...
    """


@dataclass(frozen=True, eq=False)
class LocalModel:
    """The polynomial m(x) = value + gᵀ(x − x₀) + ½ (x − x₀)ᵀ H (x − x₀) around the point x₀.

    Attributes
    ----------
    point : array of shape (n,), or shape () on the axis
    value : float
    slope : array of shape (n,) or (): the gradient g
    bend : array of shape (n, n) or (): the Hessian H; None for a line or a tangent plane

    Examples
    --------
    >>> m = parabola(lambda t: t**2, 3.0)
    >>> m(0.0), m.shape(), m.minimiser()
    (0.0, 'bowl', 0.0)
    """

    point: NDArray[np.floating]
    value: float
    slope: NDArray[np.floating]
    bend: NDArray[np.floating] | None = None

    def __call__(self, x: ArrayLike) -> NDArray[np.floating] | float:
        """Return m at x. On the axis: any array of points. In R^n: shape (n,) or (…, n).

        Raises
        ------
        TypeError, ValueError
            x does not hold finite floats, or its last axis has not length n.
        """
        d = self._points(x) - self.point
        if self.point.ndim == 0:
            out = self.value + d * (self.slope + (0.0 if self.bend is None else d * self.bend / 2))
        else:
            out = self.value + d @ self.slope
            if self.bend is not None:
                out = out + np.einsum("...i,ij,...j->...", d, self.bend, d) / 2
        return out if np.ndim(out) else float(out)

    def residual(self, f: Function, x: ArrayLike) -> NDArray[np.floating] | float:
        """Return f(x) − m(x): what the model misses. Shapes as in a call.

        Raises
        ------
        TypeError, ValueError
            x as in a call; f is not callable or does not return one number.

        Notes
        -----
        Cost: 1 evaluation a point.
        """
        points = self._points(x)
        flat = points.reshape(-1, *self.point.shape)
        values = np.array([_value(f, p) for p in flat])
        out = values.reshape(points.shape[: points.ndim - self.point.ndim]) - self(points)
        return out if np.ndim(out) else float(out)

    def _points(self, x: ArrayLike) -> NDArray[np.floating]:
        points, n = as_floats("x", x), self.point.shape
        if n and points.shape[-1:] != n:
            raise ValueError(f"x must have shape {n} or (…, {n[0]}), got {points.shape}")
        return points

    def minimiser(self) -> Vector | float:
        """Return the lowest point x₀ − H⁻¹g of the model: where Newton's method jumps.

        Raises
        ------
        NoMinimumError
            The model is a line or plane, or H is not positive definite. The message names the
            shape.
        """
        if self.bend is None or self.shape() != "bowl":
            raise NoMinimumError(
                f"a {self.shape()} has no single lowest point: there is no step to take"
            )
        if self.point.ndim == 0:
            return float(self.point - self.slope / self.bend)
        return self.point - np.linalg.solve(self.bend, self.slope)

    def step_along(self, direction: ArrayLike) -> float:
        """Return α = −gᵀp / pᵀHp, how far to go along p to the bottom of the parabola there.

        Parameters
        ----------
        direction : array of shape (n,), or a float on the axis

        Raises
        ------
        NoMinimumError
            pᵀHp ≤ 0, or zero up to rounding: along p the parabola opens downwards, or is a line.
        TypeError, ValueError
            The direction is not finite floats of the shape of the point.
        """
        p = as_floats("direction", direction)
        if p.shape != self.point.shape:
            raise ValueError(f"direction must have shape {self.point.shape}, got {p.shape}")
        curvature, largest = 0.0, 0.0
        if self.bend is not None:
            curvature = float(p @ self.bend @ p if p.ndim else p * p * self.bend)
            largest = float(np.sum(p * p) * np.max(np.abs(self.bend)))
        if curvature <= FLAT * largest:
            raise NoMinimumError(
                f"pᵀHp = {curvature:.4g} is not positive: along this direction there is no bottom"
            )
        return float(-np.sum(self.slope * p) / curvature)

    def shape(self) -> str:
        """Name the model: line, plane, bowl, dome, saddle or trough (one sign and a zero).

        An eigenvalue counts as zero below 1e-10 of the largest. A parabola or quadric whose bends
        are all zero is a line or a plane.
        """
        flat = "plane" if self.point.ndim else "line"
        if self.bend is None or not np.any(self.bend):
            return flat
        values = np.linalg.eigvalsh(np.atleast_2d(self.bend))
        tiny = FLAT * float(np.max(np.abs(values)))
        up, down = int(np.sum(values > tiny)), int(np.sum(values < -tiny))
        if up and down:
            return "saddle"
        if up + down < values.size:
            return "trough"
        return "bowl" if up else "dome"


def line(f: Function, x: float) -> LocalModel:
    """Return the tangent line of f: R → R at x. Cost: 1 gradient.

    Raises
    ------
    TypeError, ValueError
        As `derivative`.

    Examples
    --------
    >>> line(lambda t: t**2, 3.0)(4.0)
    15.0
    """
    point = _on_axis(x)
    value = _value(f, point)
    return LocalModel(point, value, np.asarray(derivative(f, point[()])))


def parabola(f: Function, x: float) -> LocalModel:
    """Return the parabola that matches value, slope and bend of f: R → R at x.

    Raises
    ------
    TypeError, ValueError
        As `derivative`.

    Notes
    -----
    m(x) = f(x₀) + f′(x₀)(x − x₀) + ½ f″(x₀)(x − x₀)². Cost: about 4 gradients.

    Examples
    --------
    >>> parabola(lambda t: t**3, 1.0).minimiser()
    0.5
    """
    point = _on_axis(x)
    value = _value(f, point)
    slope, bend = derivative(f, point[()]), derivative(f, point[()], order=2)
    return LocalModel(point, value, np.asarray(slope), np.asarray(bend))


def tangent_plane(f: Function, x: ArrayLike) -> LocalModel:
    """Return the tangent plane of f: R^n → R at x. Cost: 1 gradient.

    Raises
    ------
    TypeError, ValueError
        As `gradient`.

    Examples
    --------
    >>> tangent_plane(lambda x: x[0] * x[1], [2.0, 3.0])([3.0, 3.0])
    9.0
    """
    point = as_vector("x", x)
    return LocalModel(point, _value(f, point), gradient(f, point))


def quadric(f: Function, x: ArrayLike) -> LocalModel:
    """Return the quadric that matches value, gradient and Hessian of f: R^n → R at x.

    Raises
    ------
    TypeError, ValueError
        As `hessian`.

    Notes
    -----
    m(x) = f(x₀) + gᵀd + ½ dᵀHd with d = x − x₀. Cost: 1 gradient and 1 Hessian.

    Examples
    --------
    >>> quadric(lambda x: x[0] ** 2 - x[1] ** 2, [1.0, 1.0]).shape()
    'saddle'
    """
    point = as_vector("x", x)
    return LocalModel(point, _value(f, point), gradient(f, point), hessian(f, point))


def _on_axis(x: float) -> NDArray[np.floating]:
    point = as_floats("x", x)
    if point.ndim:
        raise ValueError(
            f"x must be one number, got shape {point.shape}: use tangent_plane or quadric"
        )
    return point


def _value(f: Function, x: NDArray[np.floating]) -> float:
    value = evaluate(f, x)
    need_scalar(value)
    return float(value)


__all__ = ["LocalModel", "Matrix", "NoMinimumError", "line", "parabola", "quadric", "tangent_plane"]
