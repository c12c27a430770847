"""Part III: exercises V6.x (vectors, matrices, and a network's weights as one vector)."""

from __future__ import annotations

from typing import Any

# Bound here, at import: a reader's cell that replaces numpy's functions cannot change a verdict.
from numpy import abs as _abs
from numpy import allclose as _allclose
from numpy import arctan2 as _arctan2
from numpy import array as _array
from numpy import asarray as _asarray
from numpy import concatenate as _concatenate
from numpy import cos as _cos
from numpy import diag as _diag
from numpy import dot as _dot
from numpy import eye as _eye
from numpy import pi as _pi
from numpy import prod as _prod
from numpy import ravel as _ravel
from numpy import reshape as _reshape
from numpy import sin as _sin
from numpy import sum as _sum
from numpy import tril as _tril
from numpy import triu as _triu
from numpy.linalg import norm as _norm
from numpy.random import Generator

from .._i18n import _
from ._exercise import Asked, Wrong, at, biggest, exercise, numbers

Shapes = list[tuple[int, ...]]


@exercise(
    "V6.1",
    _("From the long vector back to arrays"),
    hints=(
        _("How many numbers does an array of shape (2, 3) need? Where does the next one start?"),
        _("Keep a counter. Cut the next piece out of x, move the counter behind it, go on."),
        _("x[start : start + size], brought to its shape with np.reshape; math.prod gives size."),
    ),
)
def unflatten(ask: Asked, rng: Generator) -> None:
    """The right shapes, in order; flattened again they are x, so rows lie one after the other."""
    for shapes in _plans(rng):
        size = sum(map(_count, shapes))
        x = rng.normal(size=size)
        got = ask.raw(x, list(shapes))
        arrays = _arrays(got, shapes, x)
        again = _concatenate([_ravel(array) for array in arrays])
        if not _allclose(again, x, rtol=1e-12, atol=0):
            _order_slip(arrays, shapes, x)


def _plans(rng: Generator) -> list[Shapes]:
    """The shapes of a small network, then of others: also of a table that is wide both ways."""
    d, h, c = (int(k) for k in rng.permutation([2, 3, 4]))
    return [
        [(1, 2), (2,), (2, 1), (1,)],
        [(d, h), (h,), (h, c), (c,)],
        [(int(rng.integers(2, 6)),), (h, d)],
        [(2, 3, 2), (1, 1), (5,)],
    ]


def _count(shape: tuple[int, ...]) -> int:
    return int(_prod(shape))


def _arrays(got: Any, shapes: Shapes, x: Any) -> list[Any]:
    """Return what the reader returned as arrays of the wanted shapes, or say what it is instead."""
    if got is None:
        numbers(None, None, (x, shapes))
    try:
        found = list(got.values()) if isinstance(got, dict) else list(got)
    except TypeError:
        text = _("Return a list of arrays, one a shape; you return a {}.")
        raise Wrong(text.format(type(got).__name__)) from None
    if len(found) != len(shapes):
        text = _("Return one array a shape. For the {} shapes {} you return {}.")
        raise Wrong(text.format(len(shapes), shapes, len(found)))
    for i, (array, shape) in enumerate(zip(found, shapes, strict=True)):
        found[i] = numbers(array, None)
        if _asarray(found[i]).shape == shape:
            continue
        text = _("Array {} of the shapes {} has shape {}, wanted {}.").format(
            i, shapes, _asarray(found[i]).shape, shape
        )
        if _asarray(found[i]).shape == (_count(shape),):
            text += _(" It is cut out, and still flat: give it its shape.")
        raise Wrong(text)
    return found


def _order_slip(arrays: list[Any], shapes: Shapes, x: Any) -> None:
    """Name the usual ways to put the right numbers, or the wrong ones, into the right shapes."""
    sizes = [_count(shape) for shape in shapes]
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    pieces = [x[a : a + n] for a, n in zip(starts, sizes, strict=True)]

    def is_(values: list[Any]) -> bool:
        return all(_allclose(a, b, atol=0) for a, b in zip(arrays, values, strict=True))

    def filled(parts: list[Any], order: Any = "C") -> list[Any]:
        return [_reshape(p, s, order=order) for p, s in zip(parts, shapes, strict=True)]

    if is_(filled(pieces, "F")):
        text = _("The pieces are right, but tables are filled column by column: shape {}. ")
        wide = next(s for s in shapes if len([k for k in s if k > 1]) > 1)
        raise Wrong(text.format(wide) + _("Here the first row comes first, then the second."))
    if is_(filled([x[:n] for n in sizes])):
        raise Wrong(_("Every piece starts at 0. The next one starts where the last one ended."))
    backward = [x[x.size - a - n : x.size - a] for a, n in zip(starts, sizes, strict=True)]
    if is_(filled(backward)):
        raise Wrong(_("The first array must be cut from the front of x, not from its end."))
    bad = next(
        i
        for i, (a, p) in enumerate(zip(arrays, pieces, strict=True))
        if not _allclose(_ravel(a), p)
    )
    text = _("The round trip fails for the shapes {}: flattened again, array {} is not its piece ")
    raise Wrong(text.format(shapes, bad) + _("of x, in the order of x."))


@exercise(
    "V6.2",
    _("One table a form"),
    hints=(
        _("Write vᵀAv out for 2 × 2. Which two entries of A stand before the same product?"),
        _("A[0, 1] and A[1, 0] both multiply v₀v₁: only their sum counts. Share it equally."),
        _("The transpose A.T gives the same number as A. So does any mean of the two."),
    ),
)
def same_form(ask: Asked, rng: Generator) -> None:
    """S is symmetric, and vᵀSv = vᵀAv for every v."""
    for n in (2, 3, 5):
        A = rng.uniform(0.5, 2, (n, n)) * rng.choice([-1.0, 1.0], (n, n))
        A[0, 1], A[1, 0] = A[1, 0] + rng.uniform(1, 2), A[1, 0]  # never symmetric
        S = ask(A, shape=(n, n))
        for v in (*_eye(n), *rng.normal(size=(2 * n, n))):
            got, want = _form(S, v), _form(A, v)
            if abs(got - want) > 1e-8 * (1 + biggest(A)) * float(v @ v):
                _form_slip(S, A)
                text = _("For v = {} the two forms differ: yours gives {:.4g}, that of A {:.4g}.")
                raise Wrong(text.format(at((v,)), got, want))
        if biggest(S - S.T) > 1e-9 * (1 + biggest(S)):
            text = _(
                "The form is right, but the table is not symmetric: compare [{0}, {1}], [{1}, {0}]."
            )
            i, j = divmod(int(_abs(S - S.T).argmax()), n)
            raise Wrong(text.format(i, j))


def _form(A: Any, v: Any) -> float:
    return float(_dot(v, _dot(A, v)))


def _form_slip(S: Any, A: Any) -> None:
    upper, lower, diagonal = _triu(A), _tril(A), _diag(_diag(A))
    slips = (
        (A + A.T, _("That is twice the form of A: both A and Aᵀ give it once.")),
        (
            upper + upper.T - diagonal,
            _("You copied the upper half over the lower one. The form needs what stood there."),
        ),
        (
            lower + lower.T - diagonal,
            _("You copied the lower half over the upper one. The form needs what stood there."),
        ),
        ((A - A.T) / 2, _("That is the part that no v sees: it gives 0 for every v.")),
        (A - A.T, _("That is a part that no v sees: it gives 0 for every v.")),
        (diagonal, _("You kept the diagonal only. What multiplies v₀v₁?")),
        (A.T @ A, _("AᵀA is symmetric, but it is another form: |Av|², which is never negative.")),
        (A @ A.T, _("AAᵀ is symmetric, but it is another form, and never negative.")),
        (
            A + A.T - diagonal,
            _("The entries off the diagonal count twice: once above, once below."),
        ),
    )
    for slip, why in slips:
        if _allclose(S, slip, rtol=1e-9, atol=1e-10):
            raise Wrong(why)


@exercise(
    "V6.3",
    _("The arrows that are not turned"),
    hints=(
        _("Turn a unit vector q by half a turn. When does Aq point along q, or against it?"),
        _("Aq is along q when it has no part along the perpendicular p: p · Aq = 0."),
        _(
            "With q = (cos θ, sin θ) that reads tan 2θ = 2b / (a − d) for [[a, b], [b, d]]. "
            "np.arctan2 takes both parts, also when one is 0."
        ),
    ),
)
def own_axes(ask: Asked, rng: Generator) -> None:
    """Aq = λq for each column, and the columns are orthonormal."""
    for A in _tables(rng):
        Q = ask(A, shape=(2, 2))
        size = biggest(A)
        if biggest(Q) < 1e-9:
            raise Wrong(_("You return zeros. An eigenvector has length 1."))
        if not _own(A, Q, size):
            _axes_slip(Q, A, size)
            j = 0 if _turn(A, Q[:, 0]) > 1e-6 * size else 1
            text = _("Column {} is turned: for A = {} the part of Aq across q is not 0.")
            raise Wrong(text.format(j, at((A,))))
        lengths = _sum(Q * Q, axis=0)
        if biggest(lengths - 1) > 1e-6:
            j = int(_abs(lengths - 1).argmax())
            text = _("Column {} is not turned, but its length is {:.4g}. Bring it to length 1.")
            raise Wrong(text.format(j, float(lengths[j] ** 0.5)))
        if abs(float(_dot(Q[:, 0], Q[:, 1]))) > 1e-6:
            text = _("Each column alone is right, but they are one arrow twice, or not at a right ")
            raise Wrong(text + _("angle. Tried A = {}.").format(at((A,))))


def _tables(rng: Generator) -> list[Any]:
    """Symmetric tables of eigenvalues that differ: general ones, a = d, b = 0, one singular."""
    a, b, gap = rng.uniform(-2, 2), rng.uniform(0.5, 2) * rng.choice([-1.0, 1.0]), rng.uniform(1, 2)
    c, s = _cos(t := rng.uniform(0.2, 0.6) * _pi), _sin(t)
    turned = [
        _array([[a + gap, b], [b, a - gap]]),
        _array([[a - gap, -b], [-b, a + gap]]),
    ]
    edge = [
        _array([[a, b], [b, a]]),
        _array([[a + gap, 0.0], [0.0, a]]),
        _array([[a, 0.0], [0.0, a + gap]]),
        gap * _array([[c * c, c * s], [c * s, s * s]]),
    ]
    return turned + [edge[i] for i in rng.permutation(4)]


def _turn(A: Any, q: Any) -> float:
    """Return the size of the part of Aq across q."""
    image, square = _dot(A, q), float(_dot(q, q))
    if square < 1e-18:
        return float("inf")
    return float(_norm(image - q * (_dot(q, image) / square)))


def _own(A: Any, Q: Any, size: float) -> bool:
    return all(_turn(A, q) <= 1e-6 * size * max(float(_norm(q)), 1e-9) for q in Q.T)


def _axes_slip(Q: Any, A: Any, size: float) -> None:
    if any(biggest(q) < 1e-12 for q in Q.T):
        text = _("One column is all zeros, for A = {}. No direction has length 0.")
        raise Wrong(text.format(at((A,))))
    if _own(A, Q.T, size):
        text = _("Your rows are right, and each eigenvector should be a column: the table is ")
        raise Wrong(text + _("transposed, or it turns the wrong way round."))
    a, b, d = float(A[0, 0]), float(A[0, 1]), float(A[1, 1])
    double = float(_arctan2(2 * b, a - d))
    if _parallel(Q[:, 0], double) or _parallel(Q[:, 1], double):
        raise Wrong(_("That angle is 2θ. Halve it before you take cos and sin."))
    if _allclose(Q, A):
        raise Wrong(_("That is A itself. Its columns are where A sends the two axes."))


def _parallel(q: Any, angle: float) -> bool:
    across = float(q[1] * _cos(angle) - q[0] * _sin(angle))
    return abs(across) <= 1e-6 * max(float(_norm(q)), 1e-9)
