"""Part V: exercises P13.x (the edge of stability)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import Any

# Bound here, at import: a reader's cell that replaces numpy's functions cannot change a verdict.
from numpy import abs as _abs
from numpy import allclose as _allclose
from numpy import arange as _arange
from numpy import array as _array
from numpy import asarray as _asarray
from numpy import concatenate as _concatenate
from numpy import convolve as _convolve
from numpy import cos as _cos
from numpy import cumsum as _cumsum
from numpy import diag as _diag
from numpy import diff as _diff
from numpy import mean as _mean
from numpy import median as _median
from numpy import ones as _ones
from numpy import pi as _pi
from numpy import sin as _sin
from numpy.linalg import eigvalsh as _eigvalsh
from numpy.linalg import norm as _norm
from numpy.random import Generator

from .._i18n import _
from ._exercise import Asked, Wrong, at, exercise
from ._matrices import rotation


class _Landscape(ABC):
    """What both landscapes share: grad and hess of a function of z = Qᵀ(x − centre)."""

    n: int

    def __init__(self, rng: Generator) -> None:
        self.Q, self.centre = rotation(rng, self.n), rng.uniform(-1, 1, self.n)

    def to_z(self, x: Any) -> Any:
        x = _asarray(x, dtype=float)
        if x.shape != (self.n,):
            text = f"grad and hess take one point of shape ({self.n},), got {x.shape}"
            raise ValueError(text)
        return self.Q.T @ (x - self.centre)

    def to_x(self, z: Any) -> Any:
        return self.centre + self.Q @ z

    def functions(self) -> tuple[Any, Any]:
        """Return grad and hess under names that a reader's error message can show."""

        def grad(x: Any) -> Any:
            return self.Q @ self.slopes(self.to_z(x))

        def hess(x: Any) -> Any:
            H = self.Q @ self.bends(self.to_z(x)) @ self.Q.T
            return (H + H.T) / 2

        return grad, hess

    @abstractmethod
    def slopes(self, z: Any) -> Any:
        """Return the gradient in z."""

    @abstractmethod
    def bends(self, z: Any) -> Any:
        """Return the Hessian in z."""


class _Waves(_Landscape):
    """Σ of sines along random directions: the Hessian changes fast and has both signs."""

    n = 4

    def __init__(self, rng: Generator) -> None:
        super().__init__(rng)
        self.A, self.phase = rng.normal(size=(5, 4)), rng.uniform(0, 2 * _pi, 5)

    def slopes(self, z: Any) -> Any:
        return self.A.T @ _cos(self.A @ z + self.phase)

    def bends(self, z: Any) -> Any:
        return -(self.A.T * _sin(self.A @ z + self.phase)) @ self.A


class _Canyon(_Landscape):
    """A canyon that grows narrower downstream: y h(t) − ε y, with h(t) ≈ t²/2, and two bowls.

    The sharpness is about y. Downhill is towards larger y, until the steps across the canyon are
    unstable, swing, and push y back: it settles where the midpoint has sharpness 2/η. The walls
    are unlike, so the points themselves have more on one side and less on the other.
    """

    n = 4

    def __init__(self, rng: Generator) -> None:
        super().__init__(rng)
        self.slope, self.tilt, self.soft = 0.5, 0.08 * rng.choice([-1, 1]), 0.05
        self.rest = rng.uniform(1, 3, 2)

    def slopes(self, z: Any) -> Any:
        h, dh, _ddh = self._walls(z[0])
        return _concatenate([[z[1] * dh, h - self.slope], self.rest * z[2:]])

    def bends(self, z: Any) -> Any:
        _h, dh, ddh = self._walls(z[0])
        H = _diag([z[1] * ddh, 0.0, *self.rest])
        H[0, 1] = H[1, 0] = dh
        return H

    def start(self, rng: Generator, sharpness: float) -> Any:
        across = rng.choice([-1, 1]) * rng.uniform(0.05, 0.1)
        return self.to_x(_array([across, sharpness, *rng.uniform(-0.5, 0.5, 2)]))

    def _walls(self, t: float) -> tuple[float, float, float]:
        a, b = self.tilt, self.soft
        return (
            t**2 / 2 + a * t**3 / 6 - b * t**4 / 24,
            t + a * t**2 / 2 - b * t**3 / 6,
            1 + a * t - b * t**2 / 2,
        )


def _descend(grad: Any, x: Any, eta: float, steps: int) -> list[Any]:
    points = [x]
    for _step in range(steps):
        points.append(points[-1] - eta * grad(points[-1]))
    return points


def _top(H: Any) -> float:
    return float(_eigvalsh(H)[-1])


def _cosine(a: Any, b: Any) -> float:
    return float(a @ b / (_norm(a) * _norm(b)))


_ETA = 0.1
_STEPS = 1500


@exercise(
    "P13.1",
    _("Half-way, and back"),
    hints=(
        _("Take one step of gradient descent first: x₊ = x − η g. Both answers need x₊ and x."),
        _(
            "The sharpness is the largest eigenvalue of hess at one point: the one half-way "
            "between. The cosine compares the gradients at the two ends."
        ),
        _(
            "np.linalg.eigvalsh gives eigenvalues, smallest first. The cosine of two vectors is "
            "their dot product, divided by both lengths."
        ),
    ),
)
def half_way(ask: Asked, rng: Generator) -> None:
    """The largest eigenvalue at the midpoint and the cosine; at an edge, 2/η and −1."""
    for _trial in range(4):
        waves = _Waves(rng)
        grad, hess = waves.functions()
        x, eta = waves.to_x(rng.uniform(-1, 1, waves.n)), float(rng.uniform(0.1, 0.3))
        after = x - eta * grad(x)
        level, turn = ask(grad, hess, x, eta, shape=(2,))
        _level_slip(level, turn, hess, x, after, grad)
        if abs(level - _top(hess((x + after) / 2))) > 1e-6 * (1 + abs(level)):
            raise Wrong(_("The sharpness is not the largest eigenvalue of H half-way."))
        _turn_slip(turn, grad, x, after)
    canyon = _Canyon(rng)
    grad, hess = canyon.functions()
    x = _descend(grad, canyon.start(rng, 0.9 * 2 / _ETA), _ETA, 1000)[-1]
    level, turn = ask(grad, hess, x, _ETA, shape=(2,))
    if abs(level * _ETA / 2 - 1) > 0.02 or turn > -0.98:
        text = _("On a run at its edge, the sharpness should be near 2/η and the cosine near −1: ")
        raise Wrong(
            text + _("you return {:.3g} times 2/η and {:.3g}.").format(level * _ETA / 2, turn)
        )


def _level_slip(level: float, turn: float, hess: Any, x: Any, after: Any, grad: Any) -> None:
    middle = hess((x + after) / 2)
    slips = (
        (_top(hess(x)), _("That is the sharpness at x. Measure half-way to the next point.")),
        (_top(hess(after)), _("That is the sharpness at x₊. Measure half-way.")),
        (
            (_top(hess(x)) + _top(hess(after))) / 2,
            _("You average two sharpnesses. Average the two points, and measure once."),
        ),
        (
            _top((hess(x) + hess(after)) / 2),
            _("You average two Hessians. Average the two points, and measure once."),
        ),
        (_eigvalsh(middle)[0], _("That is the smallest eigenvalue half-way.")),
        (_top(hess((after - x) / 2)), _("(x₊ − x)/2 is half a step, not the point half-way.")),
        (_top(hess(x + after)), _("x + x₊ is not half-way: divide by 2.")),
        (_top(hess(2 * x - after)), _("Your step goes uphill.")),
        (_top(hess((3 * x - after) / 2)), _("Your step goes uphill: mind the sign of g.")),
        (float(_norm(middle)), _("That is the length of the matrix, not an eigenvalue.")),
        (float(_mean(_eigvalsh(middle))), _("That is the mean eigenvalue, not the largest.")),
        (float(middle.trace()), _("That is the trace, not the largest eigenvalue.")),
    )
    right = _top(middle)
    if abs(turn - right) < 1e-9 * (1 + abs(right)):
        raise Wrong(_("The two answers are in the wrong order: first the sharpness."))
    for slip, why in slips:
        if abs(slip - right) > 1e-6 and abs(level - slip) < 1e-9 * (1 + abs(slip)):
            raise Wrong(why)
    biggest = float(max(_abs(_eigvalsh(middle))))
    if biggest > right + 1e-6 and abs(level - biggest) < 1e-9 * biggest:
        raise Wrong(_("That is the largest size: the sharpness is the largest eigenvalue itself."))


def _turn_slip(turn: float, grad: Any, x: Any, after: Any) -> None:
    g, g_after = grad(x), grad(after)
    right = _cosine(g, g_after)
    if abs(turn - right) <= 1e-7:
        return
    slips = (
        (-right, _("The cosine has the wrong sign: compare the gradients, not a step with one.")),
        (float(g @ g_after), _("Divide the dot product by the lengths of both gradients.")),
        (float(g @ g_after / (g @ g)), _("Divide by both lengths, not twice by the same one.")),
        (_cosine(x, after), _("That compares the points. Compare their gradients.")),
        (_cosine(g, grad((x + after) / 2)), _("Compare with the gradient at x₊, not half-way.")),
        (1.0, _("A vector compared with itself: take the second gradient at x₊.")),
    )
    for slip, why in slips:
        if abs(turn - slip) < 1e-7:
            raise Wrong(why)
    text = _("The sharpness is right. The cosine is {:.3g}, which is not that of g and g₊.")
    raise Wrong(text.format(turn))


@exercise(
    "P13.2",
    _("Halve the step size"),
    hints=(
        _("A plain loop: steps times x − η·grad(x). Which two points do you need at the end?"),
        _("Keep the point before the last. The last one alone stands on one wall of the canyon."),
        _(
            "Before each step, remember x under another name. After the loop, take np.linalg."
            "eigvalsh of hess half-way between the two; its last entry is the sharpness."
        ),
    ),
)
def halve(ask: Asked, rng: Generator) -> None:
    """A run settles at 2/η; with half of η it settles at twice that."""
    canyon = _Canyon(rng)
    grad, hess = canyon.functions()
    x = canyon.start(rng, 0.8 * 2 / _ETA)
    for steps in (5, 8, 1):
        level = ask(grad, hess, x, _ETA, steps)
        points = _descend(grad, x, _ETA, steps)
        _settle_slip(level, hess, points, grad, _ETA)
    levels = [ask(grad, hess, x, eta, _STEPS) for eta in (_ETA, _ETA / 2)]
    for level, eta in zip(levels, (_ETA, _ETA / 2), strict=True):
        if abs(level * eta / 2 - 1) > 0.02:
            points = _descend(grad, x, eta, _STEPS)
            _settle_slip(level, hess, points, grad, eta)
            text = _("A long run should settle at 2/η: yours is at {:.3g} times that.")
            raise Wrong(text.format(level * eta / 2))
    if abs(levels[1] / levels[0] - 2) > 0.04:
        text = _(
            "With half the step size the level should double: yours goes from {:.4g} to {:.4g}."
        )
        raise Wrong(text.format(*levels))


def _settle_slip(level: float, hess: Any, points: list[Any], grad: Any, eta: float) -> None:
    before, last = points[-2], points[-1]
    right = _top(hess((before + last) / 2))
    if abs(level - right) < 1e-7 * right:
        return
    after = last - eta * grad(last)
    early = points[-3] if len(points) > 2 else None
    slips = [
        (last, _("That is the sharpness at the last point. Measure half-way to the one before.")),
        (before, _("That is the sharpness at the last point but one. Measure half-way.")),
        ((last + after) / 2, _("You take one step too many.")),
        ((points[0] + last) / 2, _("You measure half-way between the start and the end.")),
        (points[0], _("That is the sharpness at the start. Does x change in your loop?")),
    ]
    if early is not None:
        slips += [
            ((early + before) / 2, _("You take one step too few.")),
            (
                (early + last) / 2,
                _("You average two points two steps apart: both stand on the same side."),
            ),
        ]
    for point, why in slips:
        if abs(level - _top(hess(point))) < 1e-9 * (1 + abs(level)):
            raise Wrong(why)
    text = _("After {} steps you return {:.5g}. Is it the sharpness half-way between the last two?")
    raise Wrong(text.format(len(points) - 1, level))


@exercise(
    "P13.3",
    _("The parabola that explodes"),
    hints=(
        _("The slope of ½ λ w² is λ w. What does one step do to w?"),
        _("Each step multiplies w by the same number, 1 − ηλ. What does that do to the height?"),
        _(
            "Either loop and store the height before each step, or use powers of (1 − ηλ) with "
            "np.arange(steps + 1). The start counts: steps + 1 heights."
        ),
    ),
)
def heights(ask: Asked, rng: Generator) -> None:
    """Heights change by (1 − ηλ)² a step: they fall below λ = 2/η and grow above."""
    for times in (0.5, 1.3, 1.9, 2.1, 2.6):
        eta, w = float(rng.uniform(0.05, 0.5)), float(rng.uniform(0.5, 2) * rng.choice([-1, 1]))
        bend, steps = times / eta, int(rng.integers(3, 8))
        found = ask(bend, eta, w, steps, shape=(steps + 1,))
        args = (bend, eta, w, steps)
        _height_slip(found, bend, eta, w)
        if abs(found[0] - bend * w**2 / 2) > 1e-7 * bend * w**2:
            raise Wrong(
                _("The first height should be that of the start (tried at {}).").format(at(args))
            )
        for before, after in pairwise(found):
            if abs(after - (1 - times) ** 2 * before) > 1e-7 * abs(found[0]) * 4**steps:
                text = _("A height should be (1 − ηλ)² times the one before (tried at {}).")
                raise Wrong(text.format(at(args)))
        if (found[-1] > found[0]) != (times > 2):
            raise Wrong(_("Heights should grow exactly where λ > 2/η."))


def _height_slip(found: Any, bend: float, eta: float, w: float) -> None:
    k = _arange(found.size)
    points = w * (1 - eta * bend) ** k
    right = bend * points**2 / 2
    if _allclose(found, right):
        return
    slips = (
        (points, _("Those are the points w. Return their heights, ½ λ w².")),
        (2 * right, _("The height is ½ λ w²: you forget the ½.")),
        (points**2 / 2, _("The height is ½ λ w²: you forget λ.")),
        (bend * (w * (1 + eta * bend) ** k) ** 2 / 2, _("Your steps go uphill.")),
        (bend * w**2 / 2 * (1 - eta * bend) ** k, _("w is multiplied by 1 − ηλ, its height by …?")),
        (bend * (w * (1 - eta) ** k) ** 2 / 2, _("The slope at w is λ w: you forget λ.")),
        (bend * (w - k * eta * bend * w) ** 2 / 2, _("Take the slope afresh at each point.")),
        (_abs(bend * points), _("Those are slopes. Return heights, ½ λ w².")),
        (right * (1 - eta * bend) ** 2, _("Row 0 must be the height of the start itself.")),
        (right[0] + 0 * right, _("Your w does not change.")),
    )
    for slip, why in slips:
        if _allclose(found, slip):
            raise Wrong(why)


@exercise(
    "P13.4",
    _("Look through a window"),
    hints=(
        _("Entry k is the mean of losses[k:k + window]. For how many k does that fit?"),
        _("The last window ends with the last loss: there are N − window + 1 of them."),
        _(
            "A comprehension over range(losses.size − window + 1) with np.mean of a slice will "
            "do. np.convolve can do it in one line; which of its modes keeps whole windows only?"
        ),
    ),
)
def windowed(ask: Asked, rng: Generator) -> None:
    """Means over whole windows: sums agree, and the zigzag of a falling run is gone."""
    for N, window in ((7, 3), (12, 4), (5, 1), (9, 9)):
        losses = rng.uniform(0.1, 2, N)
        found = ask(losses, window, shape=None)
        if found.shape != (N - window + 1,):
            text = _("There are N − window + 1 whole windows: with {} losses and a window of {} ")
            text += _("your answer has shape {}.")
            raise Wrong(text.format(N, window, found.shape))
        _window_slip(found, losses, window)
        if abs(found[0] * window - losses[:window].sum()) > 1e-8 * window:
            raise Wrong(_("The first entry should be the mean of the first window of losses."))
        if not _allclose(window * _diff(found), losses[window:] - losses[:-window] + 0.0):
            raise Wrong(
                _("From one entry to the next, one loss should leave the window and one enter.")
            )
    k, window = _arange(400), 2 * int(rng.integers(2, 8))
    swing = 0.2 * rng.uniform(0.5, 1) * (-1.0) ** k
    losses = 2 * 0.995**k * (1 + swing)
    found = ask(losses, window, shape=(losses.size - window + 1,))
    if _mean(_diff(losses) > 0) < 0.4 or not all(_diff(found) < 0):
        raise Wrong(_("On a zigzag that falls, the means over an even window should only fall."))


def _window_slip(found: Any, losses: Any, window: int) -> None:
    spans = [losses[k : k + window] for k in range(losses.size - window + 1)]
    right = _array([_mean(span) for span in spans])
    if _allclose(found, right):
        return
    fades = window / (window + 1)
    faded = [losses[0]]
    for loss in losses[1:]:
        faded.append(fades * faded[-1] + (1 - fades) * loss)
    slips = (
        (right * window, _("You return sums. Divide by the window.")),
        (right[::-1], _("Your entries are in reverse order.")),
        (_array([_median(span) for span in spans]), _("Those are medians, not means.")),
        (_array([min(span) for span in spans]), _("Those are the smallest losses, not means.")),
        (_array([span[0] for span in spans]), _("You pick one loss of each window: average it.")),
        (_array([span[-1] for span in spans]), _("You pick one loss of each window: average it.")),
        (
            (_cumsum(losses) / _arange(1, losses.size + 1))[window - 1 :],
            _("A window also forgets: drop the losses that have left it."),
        ),
        (
            _array(faded)[window - 1 :],
            _("That average fades out. A window weighs its losses alike."),
        ),
        (
            _convolve(losses, _ones(window) / window, "same")[: right.size],
            _("At the ends your window hangs over the losses: keep whole windows only."),
        ),
    )
    for slip, why in slips:
        if _allclose(found, slip):
            raise Wrong(why)
