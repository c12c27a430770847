"""Part III: exercises J5.x (several outputs)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
from numpy import abs as _abs
from numpy import allclose, array, diag, errstate, outer
from numpy import max as _max
from numpy import sum as _sum
from numpy import trace as _trace
from numpy.linalg import eigvalsh, norm
from numpy.random import Generator

from .._i18n import _
from .._inputs import Matrix, Vector
from ..derivatives import gradient, jacobian, jvp
from ..objectives import three_outputs
from ._exercise import Asked, Wrong, at, exercise, numbers, same

OUTPUTS = ("x + 1", "xy", "x − y")


@exercise(
    "J5.1",
    _("The three-output map by hand"),
    hints=(
        _("How many outputs, how many inputs? That fixes the shape. Which of them are the rows?"),
        _("Take one output. Hold y, move x: how fast does it change? Then hold x, move y."),
        _("Row by row, (∂/∂x, ∂/∂y) of x + 1, of xy, of x − y. A constant has no slope."),
    ),
)
def three_jacobian(ask: Asked, rng: Generator) -> None:
    """Shape (3, 2), and J v = the rate at which the outputs move along v."""
    f = three_outputs()
    for _round in range(5):
        z = rng.uniform(1.5, 3, 2) * rng.choice([-1.0, 1.0], 2) + array([0.0, 0.7])
        J = ask(z, shape=(3, 2))
        for v in rng.normal(size=(3, 2)):
            want = array(jvp(f, z, v))
            for i, name in enumerate(OUTPUTS):
                if abs(J[i] @ v - want[i]) > 1e-4 * (1 + abs(want[i])):
                    _explain_row(name, J[i], v, float(want[i]), z)


def _explain_row(name: str, row: Vector, v: Vector, want: float, z: Vector) -> None:
    where = _("The row of output {} is off at {}: ").format(name, at((z,)))
    if abs(row @ v + want) < 1e-6:
        raise Wrong(where + _("the sign is flipped."))
    if abs(row[::-1] @ v - want) < 1e-6:
        raise Wrong(where + _("its entries are swapped. The first is for moving x only."))
    if name == "x + 1" and abs(row[1]) > 1e-9:
        raise Wrong(where + _("does this output change when only y moves?"))
    text = _("for the nudge {} it promises a change of {:.4g}; the output does not do that.")
    raise Wrong(where + text.format(at((v,)), float(row @ v)))


@exercise(
    "J5.2",
    _("The chain rule"),
    hints=(
        _("Follow a nudge d: what does g make of it, and what does f make of that?"),
        _("f ∘ g does g first, so the matrix of g touches d first: it stands on the right."),
        _("J of f times J of g, with @. J of g at x. Where is the nudge when it enters f?"),
    ),
)
def chain_jacobian(ask: Asked, rng: Generator) -> None:
    """J(f∘g) = J_f(g(x)) J_g(x), for square and for other shapes."""
    for n, k, m in ((2, 2, 2), (3, 3, 3), (3, 2, 4), (2, 3, 1), (1, 2, 3)):
        g, f, x = _map(rng, n, k), _map(rng, k, m), rng.uniform(-1.5, 1.5, n)
        got, want = ask(f, g, x, shape=None), jacobian(lambda z, f=f, g=g: f(g(z)), x)
        if got.shape == want.shape and allclose(got, want, rtol=1e-4, atol=1e-5):
            continue
        _explain_chain(got, f, g, x)
        same(
            numbers(got, (m, n)), want, _("The Jacobian of f ∘ g"), (f, g, x), rtol=1e-4, atol=1e-5
        )


def _explain_chain(got: Matrix, f: Callable, g: Callable, x: Vector) -> None:
    n, k = x.size, g(x).size
    m = f(g(x)).size

    def is_(value: Any) -> bool:
        return got.shape == value.shape and allclose(got, value, rtol=1e-4, atol=1e-5)

    Jg, Jf = jacobian(g, x), jacobian(f, g(x))
    if m == n and (is_(Jg @ Jf) or (n == k and is_(Jg @ jacobian(f, x)))):
        raise Wrong(_("The two factors are in the wrong order: which one meets the nudge first?"))
    if n == k and is_(jacobian(f, x) @ Jg):
        raise Wrong(
            _("The Jacobian of f is taken at the wrong point. Where does the nudge enter f?")
        )
    if m == n and is_(jacobian(lambda z: g(f(z)), x)):
        raise Wrong(_("That is g after f. Here g comes first."))
    if is_(Jf) or is_(Jg):
        raise Wrong(_("That is the Jacobian of one of the two maps only."))
    if Jf.shape == Jg.shape and (is_(Jf * Jg) or is_(jacobian(f, x) * Jg)):
        raise Wrong(_("You multiply entry by entry (*). Maps in a row are a matrix product (@)."))


@exercise(
    "J5.3",
    _("From one row to the gradient"),
    hints=(
        _("Two maps in a row: x to r, then r to one number. What shapes have their Jacobians?"),
        _("The Jacobian of ½ Σ rᵢ² by r has one row, shape (1, m). What are its entries?"),
        _("That row times J has shape (1, n). Stand it up: transpose, then flatten to (n,)."),
    ),
)
def gradient_of_squares(ask: Asked, rng: Generator) -> None:
    """The transposed one-row Jacobian: flat, and its product with u is the slope along u."""
    for n, m in ((3, 3), (2, 4), (3, 2), (2, 1)):
        while True:
            r, x = _map(rng, n, m), rng.uniform(-1.5, 1.5, n)
            want = gradient(lambda z, r=r: 0.5 * anp.sum(r(z) ** 2), x)
            if norm(want) > 0.3 and norm(r(x)) > 0.3:
                break
        got = ask(r, x, shape=None)
        if got.shape == (n,) and allclose(got, want, rtol=1e-3, atol=1e-4):
            continue
        _explain_squares(got, r, x)
        same(numbers(got, (n,)), want, _("The gradient of ½ Σ rᵢ²"), (r, x), rtol=1e-3, atol=1e-4)


def _explain_squares(got: Matrix, r: Callable, x: Vector) -> None:
    n, J, values = x.size, jacobian(r, x), r(x)
    m = values.size

    def is_(value: Any) -> bool:
        return got.shape == value.shape and allclose(got, value, rtol=1e-3, atol=1e-4)

    if got.shape in ((1, n), (n, 1)):
        text = _(
            "The shape is {}. A gradient is a flat array, here of shape ({},): transpose and ravel."
        )
        raise Wrong(text.format(got.shape, n))
    if is_(J) or is_(J.T) or is_(values[:, None] * J):
        raise Wrong(_("That is one row for every error. The loss is one number: it has one row."))
    if m == n and is_(J @ values):
        raise Wrong(_("It is transposed: an error weights its own row of J, not a column."))
    if is_(_sum(J, axis=0)):
        raise Wrong(_("You add the rows of J. How strongly does the loss answer to each error?"))
    if is_(values) and n == m:
        raise Wrong(_("That is how the loss answers to the errors. How do the errors answer to x?"))


@exercise(
    "J5.4",
    _("Softmax"),
    hints=(
        _("Raise all scores alike. What happens to the shares? So what do rows add up to?"),
        _("Differentiate pᵢ = e^zᵢ / Σ by zⱼ. The case i = j has a term more than i ≠ j."),
        _("Off the diagonal −pᵢpⱼ; on it, pᵢ more. Big scores: subtract the largest first."),
    ),
)
def softmax_jacobian(ask: Asked, rng: Generator) -> None:
    """Rows sum to 0, trace = 1 − Σp², symmetric, PSD, J v = the change along v; no overflow."""
    for n in (3, 2, 4, 6):
        z = rng.normal(size=n) * 1.2
        J, p = ask(z, shape=(n, n)), _softmax(z)
        true = jacobian(_softmax, z)
        if allclose(J, true, rtol=1e-5, atol=1e-6):
            continue
        _explain_softmax(J, p, z)
        same(J, true, _("The Jacobian of softmax"), (z,), rtol=1e-5, atol=1e-6)
    z = 1000.0 + rng.normal(size=4)
    try:
        with errstate(all="ignore"):
            J = ask(z, shape=(4, 4))
        good = allclose(J, jacobian(_softmax, z), rtol=1e-4, atol=1e-5)
    except Wrong:
        good = False
    if not good:
        text = _("It works for small scores, but not at {}: e^1000 is too big for a float. ")
        raise Wrong(text.format(at((z,))) + _("Only differences of scores matter."))


def _explain_softmax(J: Matrix, p: Vector, z: Vector) -> None:
    rows, trace = _sum(J, axis=1), float(_trace(J))
    i = int(_abs(rows).argmax())
    off = _max(_abs(J - diag(diag(J))))
    for broken, text in (
        (
            allclose(J, outer(p, p) - diag(p), atol=1e-6),
            _("The sign is flipped: raising a score must raise its own share."),
        ),
        (
            off < 1e-9,
            _("You have zeros off the diagonal. Raising a score lowers the other shares."),
        ),
        (
            _max(_abs(J - J.T)) > 1e-5,
            _("It is not symmetric. Score j moves share i as score i moves share j."),
        ),
        (
            abs(rows[i]) > 1e-5,
            _("Raising all scores alike changes nothing, so rows sum to 0. Row {} sums to {:.4g}."),
        ),
        (abs(trace - (1 - p @ p)) > 1e-5, _("The trace must be 1 − Σpᵢ². Yours is {2:.4g}.")),
        (eigvalsh(J)[0] < -1e-6, _("It has a negative eigenvalue; vᵀJv is a variance, never < 0.")),
    ):
        if broken:
            text = text.format(i, float(rows[i]), trace)
            raise Wrong(text + _(" (Tried at {}.)").format(at((z,))))


def _softmax(z: Any) -> Any:
    e = anp.exp(z - anp.max(z))
    return e / anp.sum(e)


def _map(rng: Generator, n: int, m: int) -> Callable[[Any], Any]:
    """A random smooth map from R^n to R^m, neither linear nor symmetric."""
    A, B, c = rng.normal(size=(m, n)), 0.6 * rng.normal(size=(m, n)), rng.uniform(-1, 1, m)

    def smooth_map(x: Any) -> Any:
        return anp.dot(A, x) + anp.sin(anp.dot(B, x) + c) + 0.3 * anp.dot(B, x) ** 2

    return smooth_map
