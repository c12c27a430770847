"""Random matrices that checks are made of, and one known by its products, which it counts."""

from __future__ import annotations

from typing import Any

# Bound here, at import: a reader's cell that replaces numpy's functions cannot change a verdict.
from numpy import abs as _abs
from numpy import asarray as _asarray
from numpy import diag as _diag
from numpy import max as _max
from numpy import sign as _sign
from numpy import sum as _sum
from numpy.linalg import qr as _qr
from numpy.random import Generator

from .._i18n import _
from ._exercise import Asked, Wrong


def rotation(rng: Generator, n: int) -> Any:
    """Return random orthonormal columns."""
    Q, R = _qr(rng.normal(size=(n, n)))
    return Q * _sign(_diag(R))


def turned(rng: Generator, values: Any) -> Any:
    """Return a symmetric matrix with these eigenvalues and random eigenvectors."""
    values = _asarray(values, dtype=float)
    Q = rotation(rng, values.size)
    H = (Q * values) @ Q.T
    return (H + H.T) / 2


class Products:
    """v ↦ Hv. It keeps every v and stops the reader's loop when there are too many."""

    __name__ = "hv"

    def __init__(self, H: Any, most: int) -> None:
        self.H, self.most = H, most
        self.asked: list[Any] = []
        self.over = False

    def __call__(self, v: Any) -> Any:
        v, n = _asarray(v, dtype=float), len(self.H)
        if v.shape != (n,):
            raise ValueError(f"hv takes one vector of shape ({n},), got shape {v.shape}")
        if len(self.asked) >= self.most:
            self.over = True
            raise RuntimeError("too many products")
        self.asked.append(v.copy())
        return self.H @ v

    def built(self) -> bool:
        """Whether the columns of H were asked for, one by one."""
        units = [v for v in self.asked if _sum(_abs(v)) == _max(_abs(v)) == 1]
        return len(units) > 2

    def ask(self, ask: Asked, *args: Any, shape: tuple[int, ...], limit: str) -> Any:
        """Call the reader's function on these products; say so where there were too many."""
        try:
            got = ask(self, *args, shape=shape)
        except Wrong:
            if not self.over:
                raise
            got = None
        if self.over:
            if self.built():
                raise Wrong(
                    _("You build the whole matrix, column by column. Products are what you have.")
                )
            raise Wrong(limit.format(self.most, n=len(self.H)))
        return got
