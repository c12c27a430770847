"""How one flat vector of parameters is cut into named arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import prod
from typing import Any

import autograd.numpy as np

from ._inputs import as_count, describe


@dataclass(frozen=True)
class Layout:
    """The names and shapes of the arrays that lie one after the other in a flat vector x.

    Attributes
    ----------
    names : tuple of str
    shapes : tuple of tuples of int
        One shape a name; () is a single number.

    Raises
    ------
    TypeError, ValueError
        A name twice or not a string, a shape that is none, or not as many shapes as names.

    Examples
    --------
    >>> layout = Layout(("W", "b"), ((2, 3), (3,)))
    >>> layout.size
    9
    >>> layout.split(np.arange(9.0))["W"]
    array([[0., 1., 2.],
           [3., 4., 5.]])
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        names = _tuple("names", self.names)
        shapes = tuple(
            tuple(as_count(f"shapes[{i}]", n) for n in _tuple(f"shapes[{i}]", shape))
            for i, shape in enumerate(_tuple("shapes", self.shapes))
        )
        if not names or len(names) != len(shapes):
            raise ValueError(
                f"names and shapes must be as many, got {len(names)} names and {len(shapes)} shapes"
            )
        if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
            raise ValueError(f"names must be strings that differ, got {describe(names)}")
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "shapes", shapes)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each array lies in x."""
        ends = list(accumulate((prod(shape) for shape in self.shapes), initial=0))
        return {name: slice(*ends[i : i + 2]) for i, name in enumerate(self.names)}

    @property
    def size(self) -> int:
        """The length of x."""
        return sum(prod(shape) for shape in self.shapes)

    def split(self, x: Any) -> dict[str, Any]:
        """Return the arrays by name: views of a plain x; a traced x stays traced.

        Parameters
        ----------
        x : array of shape (size,)

        Raises
        ------
        ValueError
            x is not a flat array of that length.
        """
        if np.shape(x) != (self.size,):
            raise ValueError(f"x must have shape ({self.size},), got {np.shape(x)}")
        return {
            name: np.reshape(x[self.slices[name]], shape)
            for name, shape in zip(self.names, self.shapes, strict=True)
        }

    def join(self, arrays: Mapping[str, Any]) -> Any:
        """Return x, the inverse of `split`.

        Parameters
        ----------
        arrays : mapping from name to array
            Every name once, each of its shape.

        Raises
        ------
        ValueError
            A name too many or too few, or an array of another shape.
        """
        if set(arrays) != set(self.names):
            need, got = (", ".join(map(str, names)) for names in (self.names, arrays))
            raise ValueError(f"arrays must have the names {need}, got {got}")
        for name, shape in zip(self.names, self.shapes, strict=True):
            if np.shape(arrays[name]) != shape:
                raise ValueError(
                    f"arrays[{name!r}] must have shape {shape}, got {np.shape(arrays[name])}"
                )
        return np.concatenate([np.ravel(arrays[name]) for name in self.names])


def _tuple(name: str, value: Any) -> tuple[Any, ...]:
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise TypeError(f"{name} must be a tuple, got {describe(value)}")
    return tuple(value)
