"""What an exercise is: a title, three hints, and one function that tests a property.

To add one, write a function in the file of its part::

    @exercise("D1.1", _("Central difference"), hints=(_("…"), _("…"), _("…")))
    def central_difference(ask, rng):
        h = rng.uniform(0.1, 0.5)
        got = ask(np.sin, 1.0, h)
        ...

`ask` calls the reader's function and refuses everything that is not a finite number or array. The
function raises `Wrong` with a sentence that helps, or returns None: right.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

# Bound here, at import: a reader's cell that replaces numpy's functions cannot change a verdict.
from numpy import abs as _abs
from numpy import all as _all
from numpy import allclose as _allclose
from numpy import argmax as _argmax
from numpy import array as _array
from numpy import asarray as _asarray
from numpy import isfinite as _isfinite
from numpy import max as _max
from numpy import ndarray, unravel_index
from numpy.random import Generator, default_rng

from .._i18n import _

EXERCISES: dict[str, Exercise] = {}


class Wrong(Exception):
    """Raised by a test with the sentence the reader gets."""


@dataclass(frozen=True)
class Verdict:
    """The answer of a check. Its repr is the sentence; `ok` is True only for a right answer."""

    exercise: str
    status: str  # "right", "wrong" or "not written yet"
    message: str

    @property
    def ok(self) -> bool:
        """True for a right answer."""
        return self.status == "right"

    def __repr__(self) -> str:
        return f"{self.exercise}: {self.message}"


@dataclass(frozen=True)
class Exercise:
    """One exercise: call it with your answer, or ask it for a hint."""

    id: str
    title: str
    hints: tuple[str, str, str]
    test: Callable[..., None]
    values: bool = False  # True where the answer is numbers, not a function
    _given: list[int] = field(default_factory=lambda: [0], repr=False)

    def __call__(self, answer: Any, *more: Any, rng: Generator | None = None) -> Verdict:
        """Test `answer` (a function, or the values an exercise asks for) and say what was found."""
        answers = (answer, *more)
        if any(is_untouched(a) for a in answers):
            return Verdict(self.id, "not written yet", _("not written yet"))
        asked = [Asked(a) if callable(a) else a for a in answers]
        try:
            if not self.values and not isinstance(asked[0], Asked):
                raise Wrong(_("Pass the function itself, without calling it."))
            self.test(*asked, default_rng() if rng is None else rng)
        except Wrong as wrong:
            return Verdict(self.id, "wrong", _("not yet. {}").format(wrong))
        except Exception as error:  # a check never crashes on what it is given
            text = _("not yet. The check could not use your answer: {}: {}")
            return Verdict(self.id, "wrong", text.format(type(error).__name__, error))
        return Verdict(self.id, "right", _("right"))

    def hint(self) -> None:
        """Print the next of the three hints; after the third, the third again."""
        number = min(self._given[0] + 1, len(self.hints))
        self._given[0] = number
        total = len(self.hints)
        print(_("Hint {} of {}: {}").format(number, total, self.hints[number - 1]))


def exercise(
    id: str, title: str, hints: Sequence[str], values: bool = False
) -> Callable[[Callable], Callable]:
    """Register the decorated test as exercise `id`; `values=True` when the answer is numbers."""
    if len(hints) != 3:
        raise ValueError(f"hints must be three strings for {id}, got {len(hints)}")

    def register(test: Callable) -> Callable:
        if id in EXERCISES:
            raise ValueError(f"exercise {id} is registered twice")
        EXERCISES[id] = Exercise(id, title, tuple(hints), test, values)
        return test

    return register


def is_untouched(answer: Any) -> bool:
    """True for `...` and for a function whose body does nothing at all."""
    if answer is Ellipsis:
        return True
    if not isinstance(answer, FunctionType):
        return False
    names = [i.opname for i in dis.get_instructions(answer)]
    idle = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST", "COPY_FREE_VARS"}
    constants = [i.argval for i in dis.get_instructions(answer) if "CONST" in i.opname]
    return set(names) <= idle and constants in ([None], [Ellipsis, None])


@dataclass(frozen=True)
class Asked:
    """The reader's function, called with care: every slip becomes a sentence."""

    function: Callable[..., Any]

    def __call__(self, *args: Any, shape: tuple[int, ...] | None = ()) -> Any:
        """Call it with copies of `args`; demand finite numbers of the given shape (None: any)."""
        given = [a.copy() if isinstance(a, ndarray) else a for a in args]
        value = self.raw(*given)
        for before, after in zip(args, given, strict=True):
            if isinstance(before, ndarray) and not _allclose(before, after):
                raise Wrong(_("Your function changes its argument. Work on a copy of it."))
        return numbers(value, shape, args)

    def raw(self, *args: Any) -> Any:
        """Call it and pass on whatever it returns; an exception becomes a sentence."""
        try:
            return self.function(*args)
        except Exception as error:
            text = _("Your function raised {}: {} (called with {}).")
            raise Wrong(text.format(type(error).__name__, error, at(args))) from error

    def refuses(self, *args: Any) -> bool:
        """True when it declines: raises ValueError, or returns None or nan."""
        try:
            value = self.function(*args)
        except ValueError:
            return True
        except Exception as error:
            text = _("It should refuse this with a ValueError, but it raised {}: {}.")
            raise Wrong(text.format(type(error).__name__, error)) from error
        try:
            return value is None or not bool(_all(_isfinite(_asarray(value, dtype=float))))
        except (TypeError, ValueError):
            return False


def numbers(value: Any, shape: tuple[int, ...] | None, args: Sequence[Any] = ()) -> Any:
    """Return `value` as finite floats of the given shape, or raise `Wrong` with what it is instead."""
    where = _(" (called with {})").format(at(args)) if args else ""
    if value is None:
        raise Wrong(_("Your function returned None{}. Is there a return?").format(where))
    try:
        array = _array(value, dtype=float)
    except (TypeError, ValueError):
        text = _("The answer must be numbers, got {}{}.")
        raise Wrong(text.format(type(value).__name__, where)) from None
    if shape is not None and array.shape != shape:
        if array.ndim == len(shape) == 2 and array.T.shape == shape:
            text = _("The shape is {} where {} is wanted: it is transposed.")
            raise Wrong(text.format(array.shape, shape))
        wanted = _("one number") if shape == () else _("shape {}").format(shape)
        raise Wrong(_("The answer has shape {}, wanted {}{}.").format(array.shape, wanted, where))
    if not _all(_isfinite(array)):
        raise Wrong(_("The answer is nan or infinite{}.").format(where))
    return float(array) if shape == () else array


def same(
    got: Any, want: Any, what: str, args: Sequence[Any] = (), rtol: float = 1e-6, atol: float = 1e-8
) -> None:
    """Raise `Wrong` unless the two agree; name the usual slips and the first place that fails.

    The sentence never contains the wanted value.
    """
    got, want = _asarray(got, dtype=float), _asarray(want, dtype=float)
    if got.shape == want.shape and _allclose(got, want, rtol=rtol, atol=atol):
        return
    where = _(" (tried at {})").format(at(args)) if args else ""
    raise Wrong(_("{} is off{}: {}.").format(what, where, _slip(got, want, rtol, atol)))


def _slip(got: Any, want: Any, rtol: float, atol: float) -> str:
    def close(a: Any) -> bool:
        return a.shape == want.shape and bool(_allclose(a, want, rtol=rtol, atol=atol))

    if got.shape != want.shape:
        return _("shape {} where {} is wanted").format(got.shape, want.shape)
    if close(-got):
        return _("the sign is flipped")
    if close(2 * got):
        return _("it is half of what it should be")
    if close(got / 2):
        return _("it is twice what it should be")
    if got.ndim == 2 and close(got.T):
        return _("it is transposed")
    if got.ndim == 0:
        return _("you return {:.6g}").format(float(got))
    gap = _abs(got - want) > atol + rtol * _abs(want)
    index = tuple(int(i) for i in unravel_index(int(_argmax(gap)), gap.shape))
    return _("the first entry that fails is [{}]").format(", ".join(map(str, index)))


def at(args: Sequence[Any]) -> str:
    """Write the arguments of a call so that a reader can repeat it."""
    return ", ".join(_short(a) for a in args)


def _short(value: Any) -> str:
    if callable(value):
        return getattr(value, "__name__", type(value).__name__).replace("<lambda>", "f")
    if isinstance(value, (float, int)):
        return f"{value:.4g}"
    if isinstance(value, ndarray) and value.size <= 6:
        return str([[round(x, 4) for x in row] if isinstance(row, list) else round(row, 4)
                    for row in value.tolist()]) if value.ndim else f"{float(value):.4g}"
    return f"array of shape {value.shape}" if isinstance(value, ndarray) else type(value).__name__


def biggest(value: Any) -> float:
    """Return the largest absolute entry."""
    return float(_max(_abs(_asarray(value, dtype=float))))
