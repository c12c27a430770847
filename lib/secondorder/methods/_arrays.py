"""A flat vector seen as the arrays that its layout names, for methods that know a matrix as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod
from typing import Any

import numpy as np

from .._inputs import Vector, describe
from ..layout import Layout
from ._core import Oracle

Axes = tuple[Any, ...]  # of one array: a matrix for each axis, or the diagonal of one


def need_layout(layout: Layout | None) -> Layout | None:
    """Return a setting that is a Layout, or None: that of the objective."""
    if not (layout is None or isinstance(layout, Layout)):
        raise TypeError(f"layout must be a Layout such as network.layout, got {describe(layout)}")
    return layout


def layout_of(oracle: Oracle, given: Layout | None) -> Layout:
    """Return the layout that was given, or that of the objective, or x as one array."""
    objective = oracle.objective
    found: Layout = given or objective.layout or Layout(("x",), ((objective.dim,),))
    if found.size != objective.dim:
        raise ValueError(
            f"layout has {found.size} parameters, the objective {objective.dim}: "
            "pass the layout of its parameters"
        )
    return found


def blocks(layout: Layout, x: Vector) -> Iterator[Any]:
    """Return the arrays in their order, as views; a single number is an array of shape (1,)."""
    start = 0
    for shape in layout.shapes:
        stop = start + prod(shape)
        yield x[start:stop].reshape(shape or 1)
        start = stop


def joined(arrays: Iterable[Any]) -> Vector:
    """Return the flat vector of these arrays."""
    return np.concatenate([array.ravel() for array in arrays])


def second_moment(G: Any, axis: int, *, diagonal: bool = False) -> Any:
    """Return G times itself, summed over all axes but one: GGᵀ and GᵀG of a matrix."""
    others = tuple(i for i in range(G.ndim) if i != axis)
    return np.sum(G**2, axis=others) if diagonal else np.tensordot(G, G, axes=(others, others))


def along_axes(G: Any, matrices: Axes, side: int = 0) -> Any:
    """Return AᵀGB of a matrix G for (A, B), AGBᵀ for side 1; and so on for more axes."""
    for A in matrices:  # the first axis becomes the last: after all of them they are back
        G = np.moveaxis(G, 0, -1) * A if A.ndim == 1 else np.tensordot(G, A, axes=(0, side))
    return G
