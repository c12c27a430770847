"""Exact derivatives of plain functions: `derivative(f, x)`, `gradient(f, x)`, `hessian(f, x)` …

Every function is eager: it takes the function *and* the point and returns numbers. Inputs are flat
float arrays; float32 in gives float32 out. The functions you pass in are written with
`autograd.numpy`.

Where a derivative does not exist, autograd returns a convention (half the slopes of `maximum` at a
tie, 0 for `abs` at 0). These functions then warn with `KinkWarning` and say which step it was.
Kinks made by `if` or `np.where` leave no trace: compare with `check_derivatives` there. A result
that is not finite is an error, never a silent nan.
"""

from __future__ import annotations

import warnings

import autograd.numpy as anp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._inputs import Function, Matrix, Vector, as_floats, as_vector, first_index, need_scalar
from ._tape import Tape, gradient_map, pushforward, record


class KinkWarning(UserWarning):
    """The point sits on a kink: the derivative returned is autograd's convention."""


class ConstantWarning(UserWarning):
    """The function does not depend on its argument: every derivative is zero."""


def derivative(f: Function, x: ArrayLike, order: int = 1) -> NDArray[np.floating] | float:
    """Return f′(x), or the derivative of the given order, for f: R → R.

    Parameters
    ----------
    f : callable
        Takes one float and returns one float.
    x : float or array
        The point, or an array of points; each point is taken on its own.
    order : int
        1 for the slope f′, 2 for the bend f″, and so on.

    Returns
    -------
    float or array
        Same shape and dtype as `x`.

    Raises
    ------
    TypeError
        `x` holds integers, or autograd cannot trace `f`.
    ValueError
        `f` does not return one number, or the result is not finite.

    Notes
    -----
    Cost: about 3 evaluations of f for the slope; each further order multiplies that by about 3.

    Examples
    --------
    >>> derivative(lambda t: t**3, 2.0)
    12.0
    >>> derivative(lambda t: t**3, 2.0, order=2)
    12.0
    """
    points = as_floats("x", x)
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"order must be a whole number from 1 on, got {order!r}")
    out = np.empty(points.shape, points.dtype)
    for index in np.ndindex(points.shape):
        out[index] = _slope(f, points[index], order)
    return out if points.ndim else float(out[()])


def _slope(f: Function, t: np.floating, order: int) -> float:
    _first_look(f, t)
    g = f
    for _ in range(order - 1):
        g = gradient_map(g)
    return _finite(gradient_map(g)(t), f"the derivative of f at {t:.6g}")


def gradient(f: Function, x: ArrayLike) -> Vector:
    """Return ∇f(x), the n partial slopes of a scalar function, by one reverse pass.

    Parameters
    ----------
    f : callable
        Takes a flat array of shape (n,) and returns one number.
    x : array of shape (n,)

    Returns
    -------
    array of shape (n,), dtype of `x`

    Raises
    ------
    TypeError
        `x` holds integers, or autograd cannot trace `f`.
    ValueError
        `f` returns more than one number, or the gradient is not finite.

    Notes
    -----
    (∇f)ᵢ = ∂f/∂xᵢ. Cost: 1 gradient (about 3 evaluations of f), whatever n is.
    Source: Griewank & Walther, *Evaluating Derivatives* (2008), the reverse mode of chapter 3.

    Examples
    --------
    >>> gradient(lambda x: -x[0] + x[1] ** 2, [5.0, 3.0])
    array([-1.,  6.])
    """
    point = as_vector("x", x)
    tape = _first_look(f, point)
    return _finite(_pull_one(tape), "the gradient of f", point.dtype)


def directional_derivative(f: Function, x: ArrayLike, u: ArrayLike) -> float:
    """Return ∇f(x)·u: how fast f changes when x moves with velocity u.

    `u` is not rescaled. For the slope *per unit length* pass a vector of length 1.

    Parameters
    ----------
    f : callable
        Takes a flat array of shape (n,) and returns one number.
    x, u : arrays of shape (n,)

    Raises
    ------
    TypeError, ValueError
        As `gradient`; also when `u` and `x` differ in shape.

    Notes
    -----
    Cost: 1 gradient.

    Examples
    --------
    >>> directional_derivative(lambda x: -x[0] + x[1] ** 2, [5.0, 3.0], [0.0, 0.5])
    3.0
    """
    point = as_vector("x", x)
    direction = as_vector("u", u, point.size)
    return float(gradient(f, point) @ direction)


def jacobian(f: Function, x: ArrayLike) -> Matrix:
    """Return the Jacobian of a map with several outputs: one row per output, one column per input.

    Parameters
    ----------
    f : callable
        Takes a flat array of shape (n,) and returns a flat array of shape (m,), or one number.
    x : array of shape (n,)

    Returns
    -------
    array of shape (m, n), dtype of `x`
        Jᵢⱼ = ∂fᵢ/∂xⱼ. For a scalar f the shape is (1, n): the gradient as a row.

    Raises
    ------
    TypeError
        `x` holds integers, or autograd cannot trace `f`.
    ValueError
        `f` returns an array that is not flat, or the Jacobian is not finite.

    Notes
    -----
    Cost: one evaluation of f and m reverse passes.

    Examples
    --------
    >>> import autograd.numpy as np
    >>> jacobian(lambda x: np.array([x[0] + 1, x[0] * x[1], x[0] - x[1]]), [2.0, 5.0])
    array([[ 1.,  0.],
           [ 5.,  2.],
           [ 1., -1.]])
    """
    point = as_vector("x", x)
    tape = _first_look(f, point, scalar=False)
    shape = np.shape(tape.value)
    if len(shape) > 1:
        raise ValueError(f"f must return one flat array, got shape {shape}: return ravel() of it")
    basis = np.eye(max(1, int(np.prod(shape)))).reshape((-1, *shape))
    rows = [tape.pullback(row) for row in basis]
    return _finite(np.array(rows), "the Jacobian of f", point.dtype)


def jvp(f: Function, x: ArrayLike, v: ArrayLike) -> NDArray[np.floating] | float:
    """Return J v, the change of the outputs when the inputs move with velocity v.

    Parameters
    ----------
    f : callable
        Takes a flat array of shape (n,) and returns one number or an array.
    x, v : arrays of shape (n,)

    Returns
    -------
    array of the shape that f returns, or float

    Raises
    ------
    TypeError, ValueError
        As `jacobian`; also when `v` and `x` differ in shape.

    Notes
    -----
    Forward mode. Cost: about 2 evaluations of f, whatever m and n are.

    Examples
    --------
    >>> import autograd.numpy as np
    >>> jvp(lambda x: np.array([x[0] * x[1], x[0] - x[1]]), [2.0, 5.0], [1.0, 0.0])
    array([5., 1.])
    """
    point = as_vector("x", x)
    direction = as_vector("v", v, point.size)
    _first_look(f, point, scalar=False)
    out = pushforward(f, point, direction.astype(point.dtype))
    return _finite(out, "J v", point.dtype)


def vjp(f: Function, x: ArrayLike, u: ArrayLike) -> Vector:
    """Return Jᵀu, the sensitivity of u·f to every input, by one reverse pass.

    Parameters
    ----------
    f : callable
        Takes a flat array of shape (n,) and returns a flat array of shape (m,), or one number.
    x : array of shape (n,)
    u : array of the shape that f returns

    Returns
    -------
    array of shape (n,)

    Raises
    ------
    TypeError, ValueError
        As `jacobian`; also when the shape of `u` is not that of `f(x)`.

    Notes
    -----
    Cost: 1 gradient.

    Examples
    --------
    >>> import autograd.numpy as np
    >>> vjp(lambda x: np.array([x[0] * x[1], x[0] - x[1]]), [2.0, 5.0], [1.0, 0.0])
    array([5., 2.])
    """
    point = as_vector("x", x)
    covector = as_floats("u", u)
    tape = _first_look(f, point, scalar=False)
    if covector.shape != np.shape(tape.value):
        raise ValueError(
            f"u must have the shape of f(x), {np.shape(tape.value)}, got {covector.shape}"
        )
    return _finite(tape.pullback(covector[()]), "Jᵀu", point.dtype)


def hessian(f: Function, x: ArrayLike) -> Matrix:
    """Return the Hessian of a scalar function: the Jacobian of its gradient.

    Parameters
    ----------
    f : callable
        Takes a flat array of shape (n,) and returns one number.
    x : array of shape (n,)

    Returns
    -------
    array of shape (n, n), symmetric, dtype of `x`
        Hᵢⱼ = ∂²f/∂xᵢ∂xⱼ.

    Raises
    ------
    TypeError, ValueError
        As `gradient`. A Hessian whose two mixed partials disagree beyond rounding is an error:
        it means that the second partials are not continuous here.

    Notes
    -----
    Cost: one traced gradient and n reverse passes, about 2n gradients. Memory: n² floats.

    Examples
    --------
    >>> hessian(lambda x: -x[0] + x[1] ** 2, [5.0, 3.0])
    array([[0., 0.],
           [0., 2.]])
    """
    point = as_vector("x", x)
    _first_look(f, point)
    tape = record(gradient_map(f), point)
    rows = [tape.pullback(row) for row in np.eye(point.size, dtype=point.dtype)]
    H = _finite(np.array(rows), "the Hessian of f", point.dtype)
    gap = np.max(np.abs(H - H.T))
    if gap > np.sqrt(np.finfo(H.dtype).eps) * max(1.0, float(np.max(np.abs(H)))):
        raise ValueError(
            f"the mixed partials of f disagree by {gap:.3g} here: f is not twice continuously "
            "differentiable at x, or a derivative rule in it is wrong (see check_derivatives)"
        )
    return (H + H.T) / 2


def hvp(f: Function, x: ArrayLike, v: ArrayLike) -> Vector:
    """Return H v without building H: the derivative of ∇f along v.

    Parameters
    ----------
    f : callable
        Takes a flat array of shape (n,) and returns one number.
    x, v : arrays of shape (n,)

    Returns
    -------
    array of shape (n,), dtype of `x`

    Raises
    ------
    TypeError, ValueError
        As `gradient`; also when `v` and `x` differ in shape.

    Notes
    -----
    H v = d/dt ∇f(x + t v) at t = 0. Cost: about 2 gradients, whatever n is.
    Source: Pearlmutter, *Fast Exact Multiplication by the Hessian* (1994), here by reversing the
    gradient once more.

    Examples
    --------
    >>> hvp(lambda x: x[0] ** 2 * x[1], [1.0, 2.0], [1.0, 0.0])
    array([4., 2.])
    """
    point = as_vector("x", x)
    direction = as_vector("v", v, point.size).astype(point.dtype)
    _first_look(f, point)
    tape = record(gradient_map(f), point)
    return _finite(tape.pullback(direction), "H v", point.dtype)


def _first_look(f: Function, x: NDArray[np.floating], scalar: bool = True) -> Tape:
    """Record f at x; raise or warn where a derivative would be silently wrong."""
    tape = record(f, x)
    value = np.asarray(tape.value)
    if scalar:
        need_scalar(value)
    if value.dtype.kind == "c":
        raise TypeError(f"f must return real numbers, got {value.dtype}: return np.real(...) of it")
    if not np.all(np.isfinite(value)):
        raise ValueError(f"f(x) is {value[first_index(~np.isfinite(value))]} at this x")
    if tape.constant:
        warnings.warn("f does not depend on x: its derivative is zero", ConstantWarning, 3)
    for primitive, count in tape.kinks():
        warnings.warn(
            f"f has a kink here: {primitive} meets a tie in {count} place(s). The derivative does "
            "not exist; what you get is autograd's convention",
            KinkWarning,
            3,
        )
    return tape


def _pull_one(tape: Tape) -> Vector:
    return tape.pullback(anp.ones_like(tape.value))


def _finite(value: object, what: str, dtype: np.dtype | None = None):
    """Return `value` in the dtype of x, as a float when it is a scalar; refuse nan and inf."""
    array = np.asarray(value, dtype)
    if not np.all(np.isfinite(array)):
        where = list(first_index(~np.isfinite(array))) or ""
        raise ValueError(
            f"{what} is {array[tuple(where)]} {f'at index {where}' if where else ''}: f has a value "
            "here, but autograd's rule breaks down (0/0, a root at 0, an overflow). "
            "Compare with central_difference"
        )
    return array if array.ndim else float(array)
