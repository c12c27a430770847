"""Steps within a trust region: minimisers, or nearly, of m(p) = gᵀp + ½ pᵀHp over ‖p‖ ≤ Δ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._inputs import Vector
from ._spectrum import Spectrum

NEWTON_LIMIT = 100  # on the secular equation; a handful is usual


class Inner(NamedTuple):
    """A step p, how far the model falls along it, and what was met on the way."""

    p: Vector
    decrease: float
    note: str = ""
    negative_curvature: Vector | None = None


def exact(g: Vector, H: Spectrum, radius: float) -> Inner:
    """Return the global minimiser of the model in the ball (Moré & Sorensen 1983)."""
    p, shift = secular_step(H, g, radius, 0.0)
    note = "" if H.downward is None else "negative curvature"
    return Inner(p, float(-g @ p + shift * (p @ p)) / 2, note, H.downward)


def dogleg(g: Vector, H: Spectrum, radius: float) -> Inner:
    """Return the dogleg step: along −g to the lowest point p_U, from there towards Newton's p_B.

    Where H is not positive definite p_B means nothing, and the step is the Cauchy point.
    """
    norm, bend = float(np.linalg.norm(g)), float(H.values @ (H.Q.T @ g) ** 2)
    if norm == 0:
        return Inner(g, 0.0)
    lowest = norm**2 / bend if bend > 0 else np.inf
    p = -g * min(lowest, radius / norm)
    if H.values[0] <= 0:
        return Inner(p, _decrease(g, H, p), "Cauchy point", H.downward)
    p_B = H.solve(g)
    if np.linalg.norm(p_B) <= radius:
        p = p_B
    elif lowest < radius / norm:
        p = p + to_boundary(p, p_B - p, radius) * (p_B - p)
    return Inner(p, _decrease(g, H, p))


def steihaug(g: Vector, H: Any, radius: float) -> Inner:
    """Return the Steihaug–CG step, which asks for products with H only.

    The relative accuracy is min(½, √‖g‖), so that the last steps converge faster than linearly.
    """
    tolerance = min(0.5, float(np.linalg.norm(g)) ** 0.5)
    p, Hp, down = truncated_cg(lambda v: H @ v, g, tolerance, 2 * g.size, radius)
    note = "" if down is None else "negative curvature"
    return Inner(p, float(-g @ p - p @ Hp / 2), note, down)


def truncated_cg(
    product: Callable[[Vector], Vector],
    g: Vector,
    tolerance: float,
    limit: int,
    radius: float = np.inf,
) -> tuple[Vector, Vector, Vector | None]:
    """Solve H p = −g by conjugate gradients; return p, H p and a direction of negative curvature.

    It stops at ‖r‖ ≤ tolerance ‖g‖, after `limit` products, at the boundary of the ball, and where
    the curvature along d is not positive: it then goes on along d to the boundary. Without a
    boundary it keeps what it has; as a first step it goes as far as a curvature of that size says.
    Nocedal & Wright (2006), Algorithm 7.2, and without a radius the inner loop of Algorithm 7.1.
    """
    z, Hz, r, d, bounded = np.zeros_like(g), np.zeros_like(g), g, -g, radius < np.inf
    enough = tolerance * float(np.linalg.norm(g))
    for _ in range(limit):
        rr = float(r @ r)
        if rr**0.5 <= enough:
            break
        Hd = product(d)
        bend = float(d @ Hd)
        noise = np.finfo(g.dtype).eps * float(np.linalg.norm(d) * np.linalg.norm(Hd))
        alpha = rr / bend if bend > noise else np.inf
        if alpha == np.inf or (bounded and np.linalg.norm(z + alpha * d) >= radius):
            if bounded:
                tau = to_boundary(z, d, radius)
            else:
                tau = 0.0 if z.any() else (rr / abs(bend) if bend < -noise else 1.0)
            return z + tau * d, Hz + tau * Hd, d if bend < -noise else None
        z, Hz, r = z + alpha * d, Hz + alpha * Hd, r + alpha * Hd
        d = -r + (float(r @ r) / rr) * d
    return z, Hz, None


def to_boundary(z: Vector, d: Vector, radius: float) -> float:
    """Return the τ ≥ 0 with ‖z + τ d‖ = radius, for z inside the ball."""
    a, b, c = float(d @ d), float(z @ d), max(radius**2 - float(z @ z), 0.0)
    root = (b**2 + a * c) ** 0.5
    return c / (b + root) if b > 0 else (root - b) / a


def secular_step(H: Spectrum, g: Vector, length: float, slope: float) -> tuple[Vector, float]:
    """Return p and λ with (H + λI) p = −g, H + λI ⪰ 0, λ ≥ 0 and ‖p‖ = length + slope λ.

    With slope 0 that is the trust region (there ‖p‖ may also be less where λ = 0), with length 0
    and slope 1/σ the cubic model. λ = λ₀ + s, where λ₀ is the least that makes H + λI
    semi-definite. 1/‖p‖ − 1/(length + slope λ) is concave in s, so Newton's iteration from the left
    rises to the root and never passes it (Conn, Gould & Toint, *Trust-Region Methods*, 2000, 7.3).
    """
    c = H.Q.T @ g
    blur = g.size * np.finfo(g.dtype).eps * np.linalg.norm(c)
    c = np.where((H.values == 0) & (np.abs(c) <= blur), 0, c)
    base = max(0.0, -float(H.values[0]))
    gaps = H.values + base
    flat = gaps == 0
    if not c[flat].any():
        p = -np.divide(c, gaps, out=np.zeros_like(c), where=~flat)
        missing = (length + slope * base) ** 2 - float(p @ p)
        if missing >= 0:
            if base > 0:  # the hard case: an eigenvector of λmin fills what is missing
                p[0] = missing**0.5
            return H.Q @ p, base
    s = _secular_root(gaps[c != 0], c[c != 0], length + slope * base, slope)
    p = -np.divide(c, gaps + s, out=np.zeros_like(c), where=c != 0)
    return H.Q @ p, base + s


def _secular_root(gaps: Vector, c: Vector, length: float, slope: float) -> float:
    gaps, c = gaps.astype(float), c.astype(float)

    def least(t: float, gap: float) -> float:  # (s + gap) (length + slope s) = t
        up, root = length + slope * gap, np.hypot(length - slope * gap, 2 * (slope * t) ** 0.5)
        return 2 * (t - length * gap) / (up + root)

    nearest = np.linalg.norm(c[gaps == gaps[0]])
    s = max(least(float(nearest), gaps[0]), least(float(np.linalg.norm(c)), gaps[-1]))
    for _ in range(NEWTON_LIMIT):
        norm, room = np.linalg.norm(c / (gaps + s)), length + slope * s
        fall = np.sum(c**2 / (gaps + s) ** 3) / norm**3 + slope / room**2
        more = (1 / room - 1 / norm) / fall
        if not more > np.finfo(float).eps * s:
            break
        s += more
    return float(s)


def _decrease(g: Vector, H: Spectrum, p: Vector) -> float:
    return float(-g @ p - H.values @ (H.Q.T @ p) ** 2 / 2)
