"""Part III: exercises J6.x (automatic differentiation)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

# Bound here, at import: a reader's cell that replaces numpy's functions cannot change a verdict.
from numpy import abs as _abs
from numpy import allclose as _allclose
from numpy import array as _array
from numpy import cos as _cos
from numpy import eye as _eye
from numpy import max as _max
from numpy import ndarray
from numpy import prod as _prod
from numpy import shape as _shape
from numpy import sin as _sin
from numpy import sqrt as _sqrt
from numpy import sum as _sum
from numpy import tanh as _tanh
from numpy import zeros as _zeros
from numpy.linalg import eigvals as _eigvals
from numpy.linalg import multi_dot as _multi_dot
from numpy.linalg import norm as _norm
from numpy.random import Generator

from .._i18n import _
from .._inputs import Matrix, Vector
from ._exercise import Asked, Wrong, exercise, numbers, same

Line = list[list[tuple[int, float]]]


@exercise(
    "J6.1",
    _("A tiny reverse mode"),
    hints=(
        _("The last entry answers to itself with 1, and to all others with 0 so far."),
        _("Take the stations from the last to the first. Which of your numbers is complete then?"),
        _(
            "At a station, each of its sources gets the station's adjoint times the slope on "
            "that arrow. A source may be waiting for more than one such part."
        ),
    ),
)
def adjoints(ask: Asked, rng: Generator) -> None:
    """Nudge any entry of the line: the last one moves by the nudge times the adjoint."""
    for knobs, stations in ((2, 3), (3, 6), (4, 9)):
        program = _Program(rng, knobs, stations)
        line, size = program.line(), knobs + stations
        got = ask([list(station) for station in line], shape=None)
        want = _array([program.answer_to(place) for place in range(size)])
        if _shape(got) == (size,) and _allclose(got, want, rtol=1e-5, atol=1e-6):
            continue
        _explain_adjoints(got, line, want)
        what = _("The adjoints of a line with {} knobs and {} stations").format(knobs, stations)
        same(numbers(got, (size,)), want, what, rtol=1e-5, atol=1e-6)


def _explain_adjoints(got: Any, line: Line, want: Vector) -> None:
    knobs = sum(not station for station in line)

    def is_(value: Any) -> bool:
        return bool(_shape(got) == _shape(value) and _allclose(got, value, rtol=1e-4, atol=1e-5))

    if is_(want[:knobs]):
        raise Wrong(_("These are the knobs only. Every entry of the line has an adjoint."))
    if not _abs(got).any():
        raise Wrong(
            _("All are 0: nothing was sent. How strongly does the last entry answer to itself?")
        )
    if is_(want[::-1]):
        raise Wrong(_("You list them from the end. Entry 0 belongs to the first knob."))
    last = _zeros(len(line))
    last[-1] = 1.0
    if is_(last):
        raise Wrong(_("Only the last entry has its 1. Send it on; the walk starts at the end."))
    if is_(_swept(line, reversed(range(len(line))), add=False)):
        raise Wrong(
            _("A number that feeds two stations answers for both: add, where you overwrite now.")
        )
    if is_(_swept(line, range(len(line)), add=True)):
        raise Wrong(
            _("You walk from the front and pass on what is not complete. Start at the end.")
        )
    if is_(_forwards(line)):
        raise Wrong(
            _("That is a forward pass: it says what all knobs do together, not what each one does.")
        )


def _swept(line: Line, places: Any, add: bool) -> Vector:
    answer = _zeros(len(line))
    answer[-1] = 1.0
    for place in places:
        for source, slope in line[place]:
            answer[source] = (answer[source] if add else 0.0) + answer[place] * slope
    return answer


def _forwards(line: Line) -> Vector:
    slopes = _zeros(len(line))
    for place, station in enumerate(line):
        slopes[place] = sum(slope * slopes[source] for source, slope in station) if station else 1.0
    return slopes


class _Program:
    """A random program of bounded steps with two sources; every station uses the one before it."""

    def __init__(self, rng: Generator, knobs: int, stations: int) -> None:
        self.start = rng.uniform(0.6, 1.4, knobs)
        # The second station takes an entry that has another, unlike path to it.
        kinds = ["blend", "sum", *rng.choice(["sum", "blend", "wave"], stations - 2)]
        self.steps = [
            (str(kind), place - 1, int(rng.integers(place - 1 if place < knobs + 2 else place)))
            for place, kind in enumerate(kinds, start=knobs)
        ]

    def values(self, place: int = -1, nudge: float = 0.0) -> list[float]:
        """Run it, with a nudge added to the entry at `place`."""
        values = [float(value) for value in self.start]
        for here in range(len(self.start) + len(self.steps)):
            if here >= len(self.start):
                kind, i, j = self.steps[here - len(self.start)]
                values.append(_value(kind, values[i], values[j]))
            if here == place:
                values[here] += nudge
        return values

    def answer_to(self, place: int, h: float = 1e-5) -> float:
        """By differences: how fast the last entry moves when the one at `place` is nudged."""
        return (self.values(place, h)[-1] - self.values(place, -h)[-1]) / (2 * h)

    def line(self) -> Line:
        """The sources of each entry, with their slopes."""
        values = self.values()
        line: Line = [[] for _knob in self.start]
        for kind, i, j in self.steps:
            first, second = _slopes(kind, values[i], values[j])
            line.append([(i, first), (j, second)])
        return line


def _value(kind: str, a: float, b: float) -> float:
    if kind == "sum":
        return a + b
    return a * float(_cos(b)) if kind == "blend" else float(_sin(a + 2 * b))


def _slopes(kind: str, a: float, b: float) -> tuple[float, float]:
    if kind == "sum":
        return 1.0, 1.0
    if kind == "blend":
        return float(_cos(b)), -a * float(_sin(b))
    return float(_cos(a + 2 * b)), 2 * float(_cos(a + 2 * b))


@exercise(
    "J6.2",
    _("Both ways through a layer"),
    hints=(
        _("Two stations in a row: z = Wx, then tanh of each entry. Take the slopes of tanh first."),
        _("Forwards: what does W make of v? Then each entry is multiplied by its own slope."),
        _("Backwards the order turns round: the slopes meet u first, then W does, transposed."),
    ),
)
def both_ways(ask: Asked, rng: Generator) -> None:
    """J v = the difference along v, and uᵀ(Jv) = (Jᵀu)ᵀv."""
    for m, n in ((3, 3), (4, 2), (2, 4)):
        W, x, u = 0.8 * rng.normal(size=(m, n)), rng.uniform(-1, 1, n), rng.normal(size=m)
        x += 0.3 * (x >= 0) - 0.3 * (x < 0)
        for v in (*rng.normal(size=(2, n)), *_eye(n)):
            Jv, JTu = _pair(ask.raw(W, x, v, u), m, n)
            h = 1e-6
            want = (_tanh(W @ (x + h * v)) - _tanh(W @ (x - h * v))) / (2 * h)
            forward = _allclose(Jv, want, rtol=1e-4, atol=1e-6)
            there, here = float(u @ Jv), float(JTu @ v)
            fits = abs(there - here) <= 1e-6 * (1 + _norm(u) * _norm(Jv) + _norm(JTu) * _norm(v))
            if forward and fits:
                continue
            _explain_layer(Jv, JTu, bool(forward), bool(fits), W, x, v, u)
            same(Jv, want, _("J v"), (W, x, v, u), rtol=1e-4, atol=1e-6)
            text = _("The adjoint test fails: uᵀ(Jv) is {:.4g}, (Jᵀu)ᵀv is {:.4g}. Jv is right.")
            raise Wrong(text.format(there, here))


def _pair(value: Any, m: int, n: int) -> tuple[Vector, Vector]:
    if value is None:
        numbers(None, None)
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise Wrong(_("Return two arrays, (Jv, Jᵀu)."))
    shapes = tuple(_shape(part) if isinstance(part, ndarray) else None for part in value)
    if m != n and shapes == ((n,), (m,)):
        raise Wrong(_("The two are in the wrong places: Jv comes first, then Jᵀu."))
    return numbers(value[0], (m,)), numbers(value[1], (n,))


def _explain_layer(
    Jv: Vector, JTu: Vector, forward: bool, fits: bool, W: Matrix, x: Vector, v: Vector, u: Vector
) -> None:
    z = W @ x
    slopes = 1 - _tanh(z) ** 2

    def is_(got: Any, *values: Any) -> bool:
        return any(got.shape == w.shape and _allclose(got, w, rtol=1e-5, atol=1e-7) for w in values)

    square = W.shape[0] == W.shape[1]
    if is_(Jv, W @ v) or is_(JTu, W.T @ u):
        raise Wrong(_("That is the way through W alone. Where is the slope of tanh?"))
    if square and (is_(Jv, W.T @ (slopes * u)) or is_(JTu, slopes * (W @ v))):
        raise Wrong(_("The two are in the wrong places: Jv comes first, then Jᵀu."))
    if square and forward and is_(JTu, W @ (slopes * u), slopes * (W @ u)):
        raise Wrong(_("On the way back W is transposed: input j answers with column j of W."))
    if square and forward and is_(JTu, slopes * (W.T @ u)):
        raise Wrong(_("On the way back you meet tanh first: the slopes multiply u, then comes W."))
    if square and is_(Jv, W @ (slopes * v)):
        raise Wrong(_("Forwards you meet W first: the slopes multiply what W has made of v."))
    if fits and not forward:
        raise Wrong(
            _(
                "Your two passes agree with each other, but not with the layer: nudge x along v, "
                "and the outputs move otherwise. The adjoint test alone cannot see that. Is the "
                "slope of tanh right, and taken at Wx?"
            )
        )


@exercise(
    "J6.3",
    _("Count the passes"),
    hints=(
        _("What do you get from push when v is (1, 0, 0, …)? And from pull, when u is?"),
        _("One gives a column, the other a row. How many columns are there, how many rows?"),
        _("Compare m with n, then use one of the two. np.eye gives the unit vectors."),
    ),
)
def cheap_jacobian(ask: Asked, rng: Generator) -> None:
    """J v = push(v) for any v, with min(m, n) passes."""
    for m, n in ((3, 3), (2, 6), (6, 2), (1, 5), (5, 1)):
        J, used = rng.normal(size=(m, n)), [0, 0]
        push, pull = _counted(J, "push", used, 0), _counted(J.T, "pull", used, 1)
        got = ask(push, pull, n, m, shape=(m, n))
        same(got, J, _("J for n = {}, m = {}").format(n, m), rtol=1e-4, atol=1e-6)
        if sum(used) <= min(m, n):
            continue
        if all(used):
            text = _("J is right, but it took {} passes forward and {} back. One kind is enough.")
            raise Wrong(text.format(*used))
        text = _("J is right, but with n = {} and m = {} it took {} passes. Can you do with fewer?")
        raise Wrong(text.format(n, m, sum(used)))


def _counted(J: Matrix, name: str, used: list[int], which: int) -> Callable[[Any], Vector]:
    def one_pass(vector: Any) -> Vector:
        if _shape(vector) != (J.shape[1],):
            text = _("{} takes one vector of shape ({},), got shape {}")
            raise ValueError(text.format(name, J.shape[1], _shape(vector)))
        used[which] += 1
        return J @ _array(vector, float)

    one_pass.__name__ = name
    return one_pass


@exercise(
    "J6.4",
    _("The stretch of a deep chain"),
    hints=(
        _("Is the favourite direction of one layer that of the next? Look at the whole chain."),
        _("x meets the first matrix first. On which side does each next one stand?"),
        _("Multiply all into one matrix; then ask for its σmax. You want squared lengths."),
    ),
)
def chain_stretch(ask: Asked, rng: Generator) -> None:
    """No unit vector leaves the chain longer, one as long; wide chains meet the theory."""
    for sizes in ((3, 3, 3), (2, 4, 3), (3, 5, 2, 4)):
        chain = [rng.normal(size=(m, n)) for n, m in pairwise(sizes)]
        _check_stretch(ask, rng, chain)
    for depth in (3, 6):
        chain = [rng.normal(size=(60, 60)) / _sqrt(60) for _layer in range(depth)]
        got = _check_stretch(ask, rng, chain)
        theory = (depth + 1) ** (depth + 1) / depth**depth
        if not 0.4 < got / theory < 2.5:
            text = _("For {} layers, 60 wide, {:.4g} is far from (L+1)^(L+1)/L^L.")
            raise Wrong(text.format(depth, got))


def _check_stretch(ask: Asked, rng: Generator, chain: Sequence[Matrix]) -> float:
    got = ask([W.copy() for W in chain])
    J = _multi_dot(chain[::-1])
    want = float(_norm(J, 2) ** 2)
    if abs(got - want) <= 1e-5 * want:
        return got
    tries = rng.normal(size=(J.shape[1], 500))
    seen = float(_max(_sum((J @ (tries / _norm(tries, axis=0))) ** 2, axis=0)))
    _explain_stretch(got, J, chain)
    if got < seen:
        text = _("With {} layers some direction has its squared length multiplied by {:.4g}, more ")
        raise Wrong((text + _("than your {:.4g}.")).format(len(chain), seen, got))
    same(got, want, _("The stretch of {} layers").format(len(chain)), rtol=1e-5)
    return got


def _explain_stretch(got: float, J: Matrix, chain: Sequence[Matrix]) -> None:
    own = _array([_norm(W, 2) for W in chain])

    def is_(value: Any) -> bool:
        return abs(got - float(value)) <= 1e-5 * abs(float(value))

    if is_(_prod(own**2)) or is_(_prod(own)):
        raise Wrong(
            _(
                "That multiplies the layers' own stretches. It would need each layer's favourite "
                "direction to come out as the favourite of the next."
            )
        )
    if is_(_norm(J, 2)):
        raise Wrong(_("That is σmax: the stretch of a length. Squared lengths are asked for."))
    if is_(_sum(J**2)) or is_(_norm(J)):
        raise Wrong(_("That adds up all directions. Which single one is stretched most?"))
    if is_(_norm(J, -2) ** 2):
        raise Wrong(_("That is the direction that is stretched least."))
    if J.shape[0] == J.shape[1] and is_(_max(_abs(_eigvals(J))) ** 2):
        raise Wrong(_("That comes from eigenvalues. Most stretched directions are turned as well."))
    if len({W.shape for W in chain}) == 1 and chain[0].shape[0] == chain[0].shape[1]:
        if is_(_norm(_multi_dot(chain), 2) ** 2):
            raise Wrong(_("The layers are in the wrong order: the first one stands on the right."))
    for one in (chain[0], chain[-1]):
        if is_(_norm(one, 2) ** 2):
            raise Wrong(_("That is one layer only. The chain has {}.").format(len(chain)))
