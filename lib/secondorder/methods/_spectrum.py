"""The eigenvalues of a dense Hessian, and the steps that are easy once they are known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._inputs import Matrix, Vector
from ._core import Point, Step

ROUNDING = 10.0  # an eigenvalue below this times n ε of the largest counts as 0


class Spectrum(NamedTuple):
    """H = Q diag(values) Qᵀ, values in ascending order; what is rounding error is exactly 0."""

    values: Vector
    Q: Matrix

    def solve(self, g: Vector, values: Vector | None = None) -> Vector:
        """Return −Q diag(values)⁻¹ Qᵀ g, with the eigenvalues of H unless others are given."""
        return -self.Q @ ((self.Q.T @ g) / (self.values if values is None else values))

    @property
    def singular(self) -> bool:
        """True where an eigenvalue is 0."""
        return not np.all(self.values)

    @property
    def downward(self) -> Vector | None:
        """The unit direction of the most negative curvature, None where there is none."""
        return self.Q[:, 0] if self.values[0] < 0 else None

    def stay(self, at: Point, memory: object = None) -> Step:
        """Return the step of a method that sees g = 0 and has nowhere to go."""
        if self.downward is None:
            return Step(at.x, memory)
        note = "saddle" if self.values[-1] > 0 else "maximum"
        return Step(at.x, memory, note, self.downward)


def spectrum(H: Matrix) -> Spectrum:
    """Return the eigenvalues and eigenvectors of a symmetric matrix."""
    values, Q = np.linalg.eigh(H)
    size = np.abs(values)
    zero = size <= ROUNDING * size.size * np.finfo(values.dtype).eps * np.max(size)
    return Spectrum(np.where(zero, 0, values), Q)
