"""Part V: exercises P11.x (products with the Hessian)."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

# Bound here, at import: a reader's cell that replaces numpy's functions cannot change a verdict.
from autograd.numpy import dot as _dot
from autograd.numpy import tanh as _tanh
from numpy import abs as _abs
from numpy import allclose as _allclose
from numpy import append as _append
from numpy import arange as _arange
from numpy import array as _array
from numpy import column_stack as _columns
from numpy import diag as _diag
from numpy import exp as _exp
from numpy import eye as _eye
from numpy import linspace as _linspace
from numpy import max as _max
from numpy import mean as _mean
from numpy import ptp as _ptp
from numpy import repeat as _repeat
from numpy import sort as _sort
from numpy import sqrt as _sqrt
from numpy import sum as _sum
from numpy.linalg import eigvalsh as _eigvalsh
from numpy.linalg import norm as _norm
from numpy.linalg import qr as _qr
from numpy.linalg import solve as _solve
from numpy.random import Generator

from .._i18n import _
from ._exercise import Asked, Wrong, biggest, exercise
from ._matrices import Products, turned

NEAR = 1e-4  # a one-sided difference with a step of 1e-5 passes


class _Gradient:
    """∇f for f(x) = Σ sⱼ log cosh(bⱼ·x). It can be traced, and counts its calls."""

    __name__ = "grad"

    def __init__(self, rng: Generator, n: int, terms: int) -> None:
        self.B = rng.normal(size=(terms, n)) / n**0.5
        self.s = rng.choice([-1.0, 1.0], terms) * rng.uniform(1, 3, terms)
        self.calls = 0

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        return _dot(self.B.T, self.s * _tanh(_dot(self.B, x)))

    def times(self, x: Any, v: Any) -> Any:
        bend = self.s * (1 - _tanh(self.B @ x) ** 2)
        return self.B.T @ (bend * (self.B @ v))


@exercise(
    "P11.1",
    _("The product"),
    hints=(
        _("Hv is how fast the gradient changes when x moves with velocity v. Nothing else."),
        _(
            "You know a function that pushes a velocity through a map: see chapter 05. Here the "
            "map is grad. Or take the difference of two gradients along v."
        ),
        _(
            "jvp takes the map, the point and the velocity. With a difference, choose the step "
            "so that its length does not depend on the length of v, and undo that at the end."
        ),
    ),
)
def hessian_product(ask: Asked, rng: Generator) -> None:
    """Hv for any v, however long; symmetric; without n gradients and without n² numbers."""
    for n in (2, 3, 5):
        grad = _Gradient(rng, n, 2 * n)
        x, u, v = rng.normal(size=(3, n))
        got, other = ask(grad, x, v, shape=(n,)), ask(grad, x, u, shape=(n,))
        want, size = grad.times(x, v), _size(grad, x)
        if _norm(got - want) > NEAR * size * _norm(v):
            _product_slip(got, grad, x, v, want)
            gap = abs(float(u @ got - v @ other))
            if gap > 1e-4 * size * _norm(u) * _norm(v):
                text = _("uᵀ(Hv) and vᵀ(Hu) differ by {:.2g} (n = {}): a Hessian is symmetric.")
                raise Wrong(text.format(gap, n))
            text = _("Your product is not the change of the gradient along v (n = {}).")
            raise Wrong(text.format(n))
        for factor in (1e6, 1e-6):
            scaled = ask(grad, x, factor * v, shape=(n,)) / factor
            if _norm(scaled - want) > NEAR * size * _norm(v):
                text = _(
                    "Hv is right for this v, but {:g} v does not give {:g} times as much: a "
                    "product is linear. How long is your step where v is long?"
                )
                raise Wrong(text.format(factor, factor))
    _product_cost(ask, rng)


def _size(grad: _Gradient, x: Any) -> float:
    """Return a bound on the size of H."""
    return float(_norm(_columns([grad.times(x, e) for e in _eye(x.size)])))


def _product_cost(ask: Asked, rng: Generator) -> None:
    n = 40
    grad = _Gradient(rng, n, 5)
    ask(grad, *rng.normal(size=(2, n)), shape=(n,))
    if grad.calls > 12:
        text = _(
            "Right, but you ask for {} gradients at n = {}: that builds H, row by row. A product "
            "needs a few, for any n."
        )
        raise Wrong(text.format(grad.calls, n))
    n = 1200
    grad = _Gradient(rng, n, 3)
    x, v = rng.normal(size=(2, n))
    used = _numbers_used(lambda: ask(grad, x, v, shape=(n,)))
    if used > n * n / 4:
        text = _(
            "Right, but at n = {} you use room for {:,.0f} numbers at once: did you build H? A "
            "product gets by with a few vectors."
        )
        raise Wrong(text.format(n, used))


def _numbers_used(call: Callable[[], Any]) -> float:
    """Return how many float64 numbers a call had in memory at most, beyond what was there."""
    running = tracemalloc.is_tracing()
    if not running:
        tracemalloc.start()
    try:
        before, _peak = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        call()
        return (tracemalloc.get_traced_memory()[1] - before) / 8
    finally:
        if not running:
            tracemalloc.stop()


def _product_slip(got: Any, grad: _Gradient, x: Any, v: Any, want: Any) -> None:
    g, diagonal = grad(x), _array([grad.times(x, e) @ e for e in _eye(x.size)])
    slips = (
        (-want, _("The sign is flipped.")),
        (2 * want, _("It is twice what it should be. By which step do you divide?")),
        (want / 2, _("It is half of what it should be. By which step do you divide?")),
        (g, _("That is the gradient at x. How does it change along v?")),
        (grad(x + v), _("That is the gradient at x + v. How does it change along v?")),
        (
            grad(x + v) - g,
            _("You go the whole way v. The gradient bends on the way: take a small step along v."),
        ),
        (
            (grad(x + v) - grad(x - v)) / 2,
            _("You go the whole way v. The gradient bends on the way: take a small step along v."),
        ),
        (diagonal * v, _("You use the diagonal of H only.")),
        (g * v, _("You multiply gradient and v entry by entry: that knows nothing of the bend.")),
        (g * (g @ v), _("That is g gᵀ v, built from slopes: it knows nothing of the bend.")),
        (want / _norm(v), _("You divide by the length of v once too often.")),
        (want * _norm(v), _("You forget to undo the scaling by the length of v.")),
    )
    for slip, why in slips:
        if _norm(got - slip) <= 1e-4 * (1e-3 + _norm(slip)):
            raise Wrong(why)
    if _norm(got) < 1e-3 * _norm(want):
        raise Wrong(_("Your product is almost 0. Do you divide the difference by the step?"))
    if _norm(got - want) < 0.02 * _norm(want):
        text = _("Close to Hv, but not close enough. Is your step along v too long, or too short?")
        raise Wrong(text)
    along = float(got @ want) / float(_norm(got) * _norm(want))
    if abs(along) > 1 - 1e-8:
        raise Wrong(_("The direction is right, the length is not. By which step do you divide?"))


@exercise(
    "P11.2",
    _("Lanczos"),
    hints=(
        _(
            "Keep unit vectors in a list. Multiply the last one, take out what lies along the "
            "ones you have, and scale what is left to length 1."
        ),
        _(
            "α is the last vector times its product. β is the length of what is left. They stand "
            "on the diagonal and beside it, β on both sides, without the last β."
        ),
        _(
            "Take out the part along all earlier vectors, not the last two only, and do it twice: "
            "rounding brings old directions back. np.linalg.eigvalsh sorts in ascending order."
        ),
    ),
)
def ritz_values(ask: Asked, rng: Generator) -> None:
    """The eigenvalues of QᵀHQ in the Krylov space; with n steps those of H, each once."""
    for n, steps in ((4, 1), (5, 2), (6, 3), (6, 6)):
        H = turned(rng, rng.permutation(_linspace(-2, 4, n)) + rng.uniform(-0.2, 0.2, n))
        q = rng.uniform(0.5, 3) * rng.choice([-1.0, 1.0], n) * rng.uniform(0.5, 1.5, n)
        got = _ritz(ask, H, q, steps)
        krylov = [q / _norm(q)]
        for _step in range(1, steps):
            krylov.append(H @ krylov[-1] / _norm(H @ krylov[-1]))
        Q = _qr(_columns(krylov))[0]
        want = _eigvalsh(Q.T @ H @ Q)
        if biggest(got - want) > 1e-6 * 5:
            _ritz_slip(got, want, H, Q, q, steps)
    top = _array([10.0, 8.5, 7.0]) + rng.uniform(-0.3, 0.3, 3)
    values = _sort(_append(_linspace(-1, 1, 57), top))
    H = turned(rng, values)
    got = _ritz(ask, H, rng.normal(size=60), 60)
    if biggest(got - values) > 1e-6 * values[-1]:
        copies = int(_sum(_abs(got - values[-1]) < 1e-5 * values[-1]))
        if copies > 1:
            text = _(
                "With 60 products on a 60 × 60 matrix, its largest eigenvalue stands in your list "
                "{} times: rounding brings it back. Keep each new vector orthogonal to all "
                "earlier ones."
            )
            raise Wrong(text.format(copies))
        text = _(
            "Right for small matrices. With 60 products on a 60 × 60 matrix your values are not "
            "its eigenvalues: are your vectors still orthogonal?"
        )
        raise Wrong(text)


def _ritz(ask: Asked, H: Any, q: Any, steps: int) -> Any:
    hv = Products(H, 2 * steps)
    return hv.ask(
        ask,
        q,
        steps,
        shape=(steps,),
        limit=_("More than {} products: one a step is enough."),
    )


def _ritz_slip(got: Any, want: Any, H: Any, Q: Any, q: Any, steps: int) -> None:
    where = _(" (n = {}, steps = {})").format(len(H), steps)
    if _allclose(got, want[::-1], atol=1e-6):
        raise Wrong(_("The values are right{}, but their order is not: ascending.").format(where))
    T = Q.T @ H @ Q
    if _allclose(got, _sort(_diag(T)), atol=1e-6) or _allclose(got, _diag(T), atol=1e-6):
        text = _("Those are the α alone{}: β must stand beside the diagonal, on both sides.")
        raise Wrong(text.format(where))
    if _allclose(got, _eigvalsh(H)[-steps:], atol=1e-6):
        raise Wrong(_("Those are eigenvalues of H itself{}: did you build it?").format(where))
    low, high = _eigvalsh(H)[[0, -1]]
    if got[0] < low - 1e-6 or got[-1] > high + 1e-6:
        one = _(" Is your first vector of length 1?") if abs(_norm(q) - 1) > 1e-3 else ""
        text = _(
            "Your values leave the range of the eigenvalues{}. With vectors of length 1 at right "
            "angles they cannot.{}"
        )
        raise Wrong(text.format(where, one))
    if _allclose(_sort(got), want, atol=1e-6):
        raise Wrong(_("The values are right{}, but their order is not: ascending.").format(where))
    diagonal = _diag(_diag(T))
    if _allclose(got, _eigvalsh((T + diagonal) / 2), atol=1e-6):
        raise Wrong(_("β is half of what it should be{}.").format(where))
    text = _("Your values are not the eigenvalues of QᵀHQ, H seen within the span of q, Hq, …{}.")
    raise Wrong(text.format(where))


@exercise(
    "P11.3",
    _("Random signs"),
    hints=(
        _("For a vector v of signs, vᵀHv is the trace plus terms that cancel on average."),
        _(
            "Draw k vectors of n signs, +1 or −1 with equal chance. Take the mean of vᵀHv over "
            "them, one product each."
        ),
        _(
            "rng.choice([-1.0, 1.0], size=(k, n)) draws all k of them. Draw from the rng that "
            "you are given, so that another run gives another estimate."
        ),
    ),
)
def trace_estimate(ask: Asked, rng: Generator) -> None:
    """Exact on a diagonal with one product; the right error at k = 1, 4, 16 over 50 runs."""
    for n, k in ((5, 1), (8, 1), (6, 3)):
        D = _diag(rng.uniform(1, 3, n) * rng.permutation(_arange(1.0, n + 1)))
        hv, trace = Products(D, k), float(_sum(_diag(D)))
        got = _estimate(ask, hv, k, rng)
        if abs(got - trace) > 1e-8 * trace:
            _trace_slip(got, trace, hv, n, k)
    n = 12
    H = turned(rng, rng.uniform(-1, 5, n))
    off = float(_sum(H**2) - _sum(_diag(H) ** 2))
    trace = float(_sum(_diag(H)))
    for k in (1, 4, 16):
        runs = _array([_estimate(ask, Products(H, k), k, rng) for _run in range(50)])
        if _ptp(runs) <= 1e-12 * (1 + biggest(runs)):
            raise Wrong(
                _("50 runs give the same estimate: draw fresh signs, from the rng you are given.")
            )
        error = float(_sqrt(_mean((runs - trace) ** 2)))
        ratio = error / (2 * off / k) ** 0.5
        if not 0.55 < ratio < 1.6:
            text = _(
                "With k = {} the error over 50 runs is {:.2g} times what independent signs give. "
                "It should fall like 1/√k. Is each probe drawn anew, entry by entry?"
            )
            raise Wrong(text.format(k, ratio))


def _estimate(ask: Asked, hv: Products, k: int, rng: Generator) -> float:
    limit = _("More than {} products: you may take k of them, one for each probe.")
    return float(hv.ask(ask, len(hv.H), k, rng, shape=(), limit=limit))


def _trace_slip(got: float, trace: float, hv: Products, n: int, k: int) -> None:
    slips = (
        (k * trace, _("You return the sum over the probes. The trace is their mean.")),
        (-trace, _("The sign is flipped.")),
        (trace / n, _("You divide by n. The trace is a sum over the diagonal, not its mean.")),
        (n * trace, _("It is n times too large.")),
        (trace / k, _("You divide by k twice.")),
    )
    for slip, why in slips:
        if abs(got - slip) <= 1e-8 * abs(trace) and abs(slip - trace) > 1e-8 * trace:
            raise Wrong(why)
    if not hv.asked:
        raise Wrong(_("You never ask for a product."))
    squares = _array([v**2 / _max(v**2) for v in hv.asked if _max(_abs(v)) > 0])
    if squares.size and float(_max(1 - squares)) > 1e-6:
        raise Wrong(
            _(
                "On a diagonal matrix one product should give the trace exactly. Yours does not: "
                "the entries of your probe have different sizes. Use signs, +1 or −1."
            )
        )
    text = _("On a diagonal matrix the estimate should be exact, yours is {:.3g} times the trace.")
    raise Wrong(text.format(got / trace))


@exercise(
    "P11.4",
    _("Newton-CG"),
    hints=(
        _(
            "Conjugate gradients on Hp = −g, from p = 0: the residual starts as r = −g, and so "
            "does the direction. Exercise H9.3 has the loop."
        ),
        _(
            "Go on while ‖r‖ is above tol ‖g‖. In each round: one product Hd, the bend dᵀHd, the "
            "length rᵀr / dᵀHd, then the new residual and direction."
        ),
        _(
            "Look at the bend before you divide by it. Where it is 0 or less, leave the loop with "
            "p as it is, or with −g where p is still 0."
        ),
    ),
)
def newton_cg_step(ask: Asked, rng: Generator) -> None:
    """‖Hp + g‖ ≤ tol ‖g‖ in few products; downhill where H is no bowl."""
    for values, tol, most, scale in (
        (_repeat([1.0, 3.0, 20.0], 8), 1e-8, 5, 1.0),
        (_linspace(1, 40, 20), 1e-6, 30, 3.0),
        (_exp(_linspace(0, 5, 40)), 0.5, 25, 10.0),
        (_linspace(1, 5, 30), 0.1, 8, 0.05),
    ):
        H = turned(rng, values * rng.uniform(0.5, 2))
        g = scale * rng.normal(size=values.size)
        hv = Products(H, 4 * values.size)
        limit = _("More than {} products, at n = {n}. When do you stop? Look at the residual.")
        p = hv.ask(ask, g, tol, shape=g.shape, limit=limit)
        left = float(_norm(H @ p + g) / _norm(g))
        if left > tol * (1 + 1e-6) + 1e-12:
            _step_slip(p, H, g, tol)
            text = _("‖Hp + g‖ is {:.2g} of ‖g‖, wanted {:g} at most (n = {}).")
            raise Wrong(text.format(left, tol, g.size))
        if len(hv.asked) > most:
            if hv.built():
                raise Wrong(
                    _("You build the whole matrix, column by column. Products are what you have.")
                )
            text = _(
                "{} products for a residual of {:g} (n = {}, {} distinct eigenvalues). "
                "Conjugate gradients need fewer: one a round. Stop as soon as tol is reached."
            )
            distinct = len({round(float(z), 6) for z in values})
            raise Wrong(text.format(len(hv.asked), tol, g.size, distinct))
    _no_bowl(ask, rng)


def _step_slip(p: Any, H: Any, g: Any, tol: float) -> None:
    if _norm(H @ p - g) <= tol * _norm(g) * (1 + 1e-6):
        raise Wrong(_("The sign is flipped: Hp should be −g, so that p leads downhill."))
    if float(_norm(H @ p + g)) <= tol * (1 + 1e-6):
        raise Wrong(_("The residual is below tol itself. It should be below tol times ‖g‖."))
    if _norm(p) == 0:
        raise Wrong(_("Your step is 0, though g is not."))
    cauchy = -g * float(g @ g) / float(g @ H @ g)
    if _allclose(p, cauchy):
        raise Wrong(_("You stop after one direction, −g. Is the residual below tol by then?"))
    if _allclose(p, -g):
        raise Wrong(_("That is −g. Where H is a bowl, solve with it."))
    left = float(_norm(H @ p + g) / _norm(g))
    if left**2 <= tol * (1 + 1e-6):
        raise Wrong(_("You compare rᵀr with tol: it is the square of the length of r."))


def _no_bowl(ask: Asked, rng: Generator) -> None:
    """Where the first direction bends down, and where a later one does."""
    n = 8
    for first in (True, False):
        H = turned(rng, _append(_linspace(1, 4, n - 1), -3.0))
        down = _bottom(H)
        other = rng.normal(size=n)
        other -= down * (down @ other)
        share = 3.0 if first else 0.15
        g = rng.uniform(0.3, 3) * (other / _norm(other) + share * down)
        hv = Products(H, 4 * n)
        limit = _("More than {} products where dᵀHd is negative (n = {n}): stop there.")
        p = hv.ask(ask, g, 1e-8, shape=(n,), limit=limit)
        if _norm(p) == 0:
            raise Wrong(_("Where H is no bowl your step is 0, though g is not."))
        if _norm(H @ p + g) <= 1e-6 * _norm(g):
            raise Wrong(
                _(
                    "H is no bowl, and your step solves Hp = −g all the same: it leads to a "
                    "saddle. Look at dᵀHd before you divide by it."
                )
            )
        slope, bend = float(g @ p), float(p @ H @ p)
        if slope >= 0:
            raise Wrong(_("Where H is no bowl your step leads uphill: gᵀp is not negative."))
        straight = _norm(p / _norm(p) + g / _norm(g)) < 1e-6
        if first and not straight:
            raise Wrong(_("The first direction, −g, bends down. Return it: −g."))
        if not first and abs(slope + bend) > 1e-6 * abs(slope):
            raise Wrong(
                _(
                    "A later direction bends down. Where conjugate gradients stood before it, "
                    "pᵀ(Hp + g) is 0; at your step it is not. Return the step so far, no more."
                )
            )


def _bottom(H: Any) -> Any:
    """Return the unit eigenvector of the smallest eigenvalue, by shifted inverse iteration."""
    low, v = float(_eigvalsh(H)[0]), _eye(len(H))[0] + 0.1
    for _round in range(8):
        v = _solve(H - (low - 1e-3) * _eye(len(H)), v)
        v /= _norm(v)
    return v
