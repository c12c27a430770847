"""What all estimators share: checked and counted products, random probes, estimates with errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from .._inputs import as_floats, describe, first_index

Block = NDArray[np.floating]
Operator = Any  # a LinearOperator, a sparse matrix, or what NumPy makes an array of
PIECE = 2**22  # numbers in a block of probes that need not all be in memory at once


@dataclass(frozen=True, eq=False)
class Estimate:
    """An estimate, how far off it may be, and what it cost.

    Attributes
    ----------
    value : float or array
    error : float or array
        Standard error or bound: each estimator says which. inf where a single probe leaves the
        error unknown.
    products : int
        Number of products with a vector; a block of k vectors counts k.

    Examples
    --------
    >>> float(Estimate(2.5, error=0.1, products=10))
    2.5
    """

    value: Any
    error: Any
    products: int

    def __float__(self) -> float:
        return float(self.value)


class Counted:
    """A symmetric n × n matrix known by its products, each counted and checked.

    Raises
    ------
    TypeError, ValueError
        A is no matrix of real floats, is not square, or is empty.

    Examples
    --------
    >>> A = Counted(np.diag([1.0, 2.0]))
    >>> A @ np.array([1.0, 1.0]), A.products
    (array([1., 2.]), 1)
    """

    def __init__(self, A: Operator) -> None:
        is_operator = issparse(A) or (hasattr(A, "matvec") and hasattr(A, "shape"))
        if not is_operator:
            A = as_floats("A", A)
        if len(A.shape) != 2 or A.shape[0] != A.shape[1] or A.shape[0] == 0:
            raise ValueError(f"A must be a square matrix (n, n), got shape {A.shape}")
        self.A, self.n, self.products = aslinearoperator(A), int(A.shape[0]), 0
        dtype = np.dtype(self.A.dtype or float)
        if dtype.kind not in "fiub":
            raise TypeError(f"A must hold real floats, got dtype {dtype}")
        single = dtype.kind == "f" and dtype.itemsize <= 4
        self.dtype: np.dtype[Any] = np.dtype(np.float32 if single else np.float64)
        # SciPy would feed matvec columns (n, 1), which may silently broadcast: feed it flat vectors
        only_matvec = getattr(self.A, "_CustomLinearOperator__matmat_impl", self) is None
        self._flat = only_matvec or type(self.A)._matmat is LinearOperator._matmat

    def __matmul__(self, V: Block) -> Block:
        """Return A V for one vector (n,) or a block of k columns (n, k).

        Raises
        ------
        ValueError
            The product is not real or not finite.
        """
        if V.ndim == 2 and (self._flat or V.shape[1] == 1):
            AV = np.column_stack([self.A @ v for v in V.T])
        else:
            AV = np.asarray(self.A @ V)
        self.products += 1 if V.ndim == 1 else V.shape[1]
        if AV.dtype.kind != "f":
            raise ValueError(f"A @ v must be an array of real floats, got {describe(AV)}")
        if not np.all(np.isfinite(AV)):
            where = first_index(~np.isfinite(AV))
            raise ValueError(f"A @ v is {AV[where]} in row {where[0]}: A must have finite products")
        return AV.astype(self.dtype, copy=False)

    @property
    def eps(self) -> float:
        """Rounding unit of the products."""
        return float(np.finfo(self.dtype).eps)

    def need_symmetric(self, gap: ArrayLike, size: float) -> None:
        """Raise where uᵀAv and vᵀAu differ by a `gap` that is not small beside `size`.

        Raises
        ------
        ValueError
            A is not symmetric.
        """
        worst = float(np.max(np.abs(gap), initial=0.0))
        if worst > self.eps**0.4 * size:
            raise ValueError(
                f"A is not symmetric: uᵀAv and vᵀAu differ by {worst:.3g}. Pass (A + A.T) / 2"
            )

    def compare(self, V: Block, AV: Block) -> None:
        """Raise unless VᵀAV is symmetric: costs no product; says nothing for a single column.

        Raises
        ------
        ValueError
            As `need_symmetric`.
        """
        G = V.T @ AV
        sizes = np.linalg.norm(V, axis=0), np.linalg.norm(AV, axis=0)
        self.need_symmetric(G - G.T, float(np.max(sizes[0]) * np.max(sizes[1])))


def rademacher(rng: np.random.Generator, n: int, k: int, dtype: Any = float) -> Block:
    """Return a block (n, k) of independent signs, +1 or −1 with equal chance.

    Examples
    --------
    >>> rademacher(np.random.default_rng(0), 2, 3)
    array([[-1.,  1., -1.],
           [ 1.,  1.,  1.]])
    """
    # one draw a column: the columns are then the same whatever the widths of the blocks
    signs = [rng.integers(2, size=n, dtype=np.int8) for _ in range(k)]
    return (2 * np.array(signs) - 1).T.astype(dtype)


def pieces(total: int, most: int) -> Iterator[int]:
    """Yield the widths of blocks, none wider than `most`, that make `total` columns.

    Examples
    --------
    >>> list(pieces(7, 3))
    [3, 3, 1]
    """
    most = max(most, 1)
    for done in range(0, total, most):
        yield min(most, total - done)


def standard_error(samples: Any) -> Any:
    """Return the standard deviation of the mean over the first axis; inf for one sample.

    Examples
    --------
    >>> float(standard_error([1.0, 3.0]))
    1.0
    """
    samples = np.asarray(samples)
    k = len(samples)
    if k == 1:
        return np.full(samples.shape[1:], np.inf)[()]
    return np.std(samples, axis=0, ddof=1) / np.sqrt(k)
