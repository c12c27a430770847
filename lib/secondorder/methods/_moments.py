"""Running averages of gradients and of squares, as Adam and its relatives keep them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._inputs import Vector


class Moments(NamedTuple):
    """Averages m of the gradient and v of a square, both from 0, uncorrected."""

    m: Vector
    v: Vector

    @classmethod
    def zero(cls, x: Vector) -> Moments:
        """Return the averages before the first step."""
        return cls(np.zeros_like(x), np.zeros_like(x))

    def after(self, g: Vector, square: Vector, beta1: float, beta2: float) -> Moments:
        """Return β₁ m + (1 − β₁) g and β₂ v + (1 − β₂) · square."""
        return Moments(beta1 * self.m + (1 - beta1) * g, beta2 * self.v + (1 - beta2) * square)

    def direction(self, t: int, beta1: float, beta2: float, eps: float) -> Vector:
        """Return m̂ / (√v̂ + ε), each average divided by 1 − βᵗ because it started from 0."""
        m, v = self.m / (1 - beta1**t), self.v / (1 - beta2**t)
        return m / (np.sqrt(v) + eps)
