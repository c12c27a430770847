"""Exact derivatives of plain functions: `derivative(f, x)`, `gradient(f, x)`, `hessian(f, x)` …

Every function is eager: it takes the function *and* the point and returns numbers. Inputs are flat
float arrays; float32 in gives float32 out. The functions you pass in are written with
`autograd.numpy`.

Where a derivative does not exist, autograd returns a convention (half the slopes of `maximum` at a
tie, 0 for `abs` at 0). These functions then warn with `KinkWarning` and say which step it was.
A result that is not finite is an error, never a silent nan. A step whose rule in autograd is wrong
is an error too; the table of these is in `_rules`.

What leaves no trace cannot be seen: a kink made by `if`, by `np.where` or by indexing with a
comparison, a jump of `floor`, `round` or `sign` (their slope is 0 everywhere else), an integer made
of `x` with `int(...)` in plain numpy, a second derivative that jumps (`t * abs(t)` warns, the same
thing written with `if` does not), the order in which `eig` lists its eigenvalues.
`check_derivatives` finds kinks and wrong values by differences.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._inputs import (
    Function,
    Matrix,
    Vector,
    as_count,
    as_floats,
    as_vector,
    evaluate,
    first_index,
    need_finite,
    need_memory,
    need_scalar,
    warn,
)
from ._linear import Bend, Linear
from ._rules import fault, kinks
from ._tape import Tape, gradient_map, record


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
    Cost: that of a gradient for the slope; each further order multiplies it by 2 to 3.

    Examples
    --------
    >>> derivative(lambda t: t**3, 2.0)
    12.0
    >>> derivative(lambda t: t**3, 2.0, order=2)
    12.0
    """
    points = as_floats("x", x)
    order = as_count("order", order)
    out = np.empty(points.shape, points.dtype)
    for index in np.ndindex(points.shape):
        out[index] = _slope(f, points[index], order)
    return out if points.ndim else float(out[()])


def _slope(f: Function, t: Any, order: int) -> float:
    tape = _first_look(f, np.asarray(t), order=order)
    if order > 1:
        g = f
        for _ in range(order - 1):
            g = gradient_map(g)
        tape = record(g, t)
    return _finite(_pull_one(tape), f"the derivative of f at {t:.6g}")


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
    (∇f)ᵢ = ∂f/∂xᵢ. Cost: 1 gradient, whatever n is: 4 to 5 evaluations of f, one of them
    without tracing, to compare with.
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
    MemoryError
        m n floats do not fit.

    Notes
    -----
    Cost: one evaluation of f and min(m, n) passes, forward or backward, several at a time.
    Memory: m n floats. What cannot fit is refused: see `curvature.jacobian_operator`.

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
    if 0 in shape:
        raise ValueError("f returned an empty array: it needs at least one output")
    m, n = int(np.prod(shape)), point.size
    need_memory(m * n, point.dtype, f"a Jacobian of {m} × {n}", "jacobian_operator(f, x)")
    linear = Linear(f, point)
    if m <= n:
        J = linear.pull(np.eye(m, dtype=point.dtype).reshape(m, *shape))
    else:
        J = linear.push(np.eye(n, dtype=point.dtype)).T
    return _finite(J, "the Jacobian of f", point.dtype)


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
    Forward mode; where a forward rule of autograd is not known to be right, compared with one
    reverse pass: uᵀ(Jv) = (Jᵀu)ᵀv. Cost: about 7 evaluations of f, whatever m and n are.

    Examples
    --------
    >>> import autograd.numpy as np
    >>> jvp(lambda x: np.array([x[0] * x[1], x[0] - x[1]]), [2.0, 5.0], [1.0, 0.0])
    array([5., 1.])
    """
    point = as_vector("x", x)
    direction = as_vector("v", v, point.size)
    tape = _first_look(f, point, scalar=False)
    if tape.constant:
        return _finite(np.zeros(np.shape(tape.value)), "J v", point.dtype)
    out = Linear(f, point).push(direction.astype(point.dtype)[None])[0]
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
    MemoryError
        n² floats do not fit.

    Notes
    -----
    Cost: one traced gradient and n products H v, several at a time: about n gradients.
    Memory: n² floats. What cannot fit is refused: see `curvature.hessian_operator`.

    Examples
    --------
    >>> hessian(lambda x: -x[0] + x[1] ** 2, [5.0, 3.0])
    array([[0., 0.],
           [0., 2.]])
    """
    point = as_vector("x", x)
    n = point.size
    need_memory(2 * n * n, point.dtype, f"a Hessian of {n} × {n}", "hessian_operator(f, x)")
    _first_look(f, point, order=2)
    H = Bend(f, point).products(np.eye(n, dtype=point.dtype))
    with np.errstate(over="ignore"):
        H = np.require(H, point.dtype, "W")  # a block of equal rows may be a read-only view
    _refuse_nan(H, "the Hessian of f")
    gap, largest = _symmetrize(H)
    if gap > np.sqrt(np.finfo(H.dtype).eps) * max(1.0, largest):
        raise ValueError(
            f"the mixed partials of f disagree by {gap:.3g} here: f is not twice continuously "
            "differentiable at x, or a derivative rule in it is wrong (see check_derivatives)"
        )
    return H


def _symmetrize(A: Matrix, tile: int = 128) -> tuple[float, float]:
    """Replace A by (A + Aᵀ)/2, and return max |A − Aᵀ| as it was, and max |A|.

    Tile by tile, so that both halves pass through the cache once and nothing is copied.
    """
    gap = largest = 0.0
    for i in range(0, len(A), tile):
        for j in range(0, i + tile, tile):
            here, there = A[i : i + tile, j : j + tile], A[j : j + tile, i : i + tile].T
            off = here - there
            gap = max(gap, float(np.max(np.abs(off, out=off), initial=0)))
            mean = (here + there) / 2
            largest = max(largest, float(np.max(np.abs(mean, out=off), initial=0)))
            here[...] = mean
            there[...] = mean
    return gap, largest


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
    H v = d/dt ∇f(x + t v) at t = 0. Cost: about 2 gradients, whatever n is. For many products at
    one point use `curvature.hessian_operator`.
    Source: Pearlmutter, *Fast Exact Multiplication by the Hessian* (1994).

    Examples
    --------
    >>> hvp(lambda x: x[0] ** 2 * x[1], [1.0, 2.0], [1.0, 0.0])
    array([4., 2.])
    """
    point = as_vector("x", x)
    direction = as_vector("v", v, point.size).astype(point.dtype)
    _first_look(f, point, order=2)
    return _finite(Bend(f, point).products(direction[None])[0], "H v", point.dtype)


def _first_look(f: Function, x: NDArray[np.floating], scalar: bool = True, order: int = 1) -> Tape:
    """Record f at x; raise or warn where a derivative would be silently wrong."""
    plain = evaluate(f, x)
    if scalar:
        need_scalar(plain)
    need_finite(plain)
    tape = record(f, x if x.ndim else x[()])
    if not _same(plain, tape.value, x.dtype):
        raise ValueError(
            "f gave two different values at the same x: it draws random numbers, keeps a state, or "
            "does something else when it is traced"
        )
    examine(tape.steps, order)
    return tape


def examine(steps: Iterable[Any], order: int = 1) -> None:
    """Raise where autograd's rule for a step is wrong, warn of kinks and of constants.

    `steps` are those of a tape or a trace, without the input.

    Raises
    ------
    TypeError
        A step whose derivative would be silently wrong.

    Examples
    --------
    >>> import autograd.numpy as np
    >>> examine(record(lambda x: np.sin(x), 1.0).steps)
    """
    found = list(steps)
    for step in found:
        reason = fault(step, order)
        if reason:
            raise TypeError(f"autograd's derivative of {step.fun.__name__} is not right: {reason}")
    if not found:
        warn("f does not depend on x: its derivative is zero", ConstantWarning)
    for step in found:
        count = kinks(step)
        if count:
            warn(
                f"f has a kink here: {step.fun.__name__} meets a tie in {count} place(s). The "
                "derivative may not exist; what you get is autograd's convention",
                KinkWarning,
            )


def _same(plain: NDArray[np.floating], traced: object, dtype: np.dtype) -> bool:
    """True when both evaluations gave the same numbers, up to the rounding of another BLAS path."""
    traced, eps = np.asarray(traced), float(np.finfo(dtype).eps)
    return plain.shape == traced.shape and np.allclose(plain, traced, rtol=eps**0.5, atol=eps**0.75)


def _pull_one(tape: Tape) -> Any:
    return tape.pullback(np.ones_like(tape.value)[()])


def _finite(value: object, what: str, dtype: np.dtype | None = None) -> Any:
    """Return a copy of `value` in the dtype of x, a scalar as a float; refuse nan and inf."""
    with np.errstate(over="ignore"):
        array = np.array(value, dtype)
    _refuse_nan(array, what)
    return array if array.ndim else float(array)


def _refuse_nan(array: NDArray[np.floating], what: str) -> None:
    if not np.all(np.isfinite(array)):
        where = first_index(~np.isfinite(array))
        at = f" at index {list(where)}" if where else ""
        raise ValueError(
            f"{what} is {array[where]}{at}: f has a value here, but autograd's rule breaks down "
            "(0/0, a root at 0, an overflow). Compare with central_difference"
        )
