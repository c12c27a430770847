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
from types import CodeType, FunctionType
from typing import Any

# Bound here, at import: a reader's cell that replaces numpy's functions cannot change a verdict.
from numpy import abs as _abs
from numpy import all as _all
from numpy import allclose as _allclose
from numpy import argmax as _argmax
from numpy import array_equal as _array_equal
from numpy import asarray as _asarray
from numpy import isfinite as _isfinite
from numpy import max as _max
from numpy import ndarray, number, unravel_index
from numpy.random import Generator, default_rng

from .._i18n import _

EXERCISES: dict[str, Exercise] = {}


class Wrong(Exception):
    """Raised by a test with the sentence the reader gets."""


@dataclass(frozen=True)
class Verdict:
    """The answer of a check. Its repr is the sentence; `ok` is True only for a right answer.

    Attributes
    ----------
    exercise : str
        Which exercise, such as "D1.1".
    status : str
        "right", "wrong" or "not written yet".
    message : str
        What was found, in words.

    Examples
    --------
    >>> verdict = Verdict("D1.1", "right", "right")
    >>> verdict, verdict.ok
    (D1.1: right, True)
    """

    exercise: str
    status: str
    message: str

    @property
    def ok(self) -> bool:
        """True for a right answer."""
        return self.status == "right"

    def __repr__(self) -> str:
        return f"{self.exercise}: {self.message}"


@dataclass(frozen=True)
class Exercise:
    """One exercise: call it with your answer, or ask it for a hint.

    Examples
    --------
    >>> from secondorder import check
    >>> check.D1_1(lambda f, x, h: ...)
    D1.1: not written yet
    """

    id: str
    title: str
    hints: tuple[str, str, str]
    test: Callable[..., None]
    values: bool = False  # True where the answer is numbers, not a function
    _given: list[int] = field(default_factory=lambda: [0], repr=False, compare=False)

    def __call__(self, answer: Any = ..., *more: Any, rng: Generator | None = None) -> Verdict:
        """Test `answer` (a function, or the values an exercise asks for) and say what was found.

        It never raises: whatever the answer does, the verdict says so. `rng` draws the points; left
        out, they are fresh in every call.
        """
        answers = (answer, *more)
        if any(is_untouched(a) for a in answers):
            return Verdict(self.id, "not written yet", _("not written yet"))
        asked = [Asked(a) if callable(a) else a for a in answers]
        try:
            if not self.values and not isinstance(asked[0], Asked):
                raise Wrong(_("Pass the function itself, without calling it."))
            self.test(*asked, default_rng(rng))
        except Wrong as wrong:
            return Verdict(self.id, "wrong", _("not yet. {}").format(wrong))
        except (Exception, SystemExit) as error:  # a check never crashes on what it is given
            text = _("not yet. The check could not use your answer: {}: {}")
            return Verdict(self.id, "wrong", text.format(type(error).__name__, _words(error)))
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
    """Register the decorated test as exercise `id`; `values=True` when the answer is numbers.

    Raises
    ------
    ValueError
        There are not three hints, or the id is taken or cannot be written as `check.ID`.
    """
    if (
        isinstance(hints, str)
        or len(hints) != 3
        or not all(h and isinstance(h, str) for h in hints)
    ):
        raise ValueError(f"hints must be three strings for {id}, got {hints!r}")
    if not id.replace(".", "_").isidentifier():
        raise ValueError(f"id must be written like D1.1, got {id!r}")
    first, second, third = hints

    def register(test: Callable) -> Callable:
        if id in EXERCISES:
            raise ValueError(f"exercise {id} is registered twice")
        EXERCISES[id] = Exercise(id, title, (first, second, third), test, values)
        return test

    return register


def is_untouched(answer: Any) -> bool:
    """True for `...` and for a function whose body does nothing at all.

    A function that only makes and returns such a function is untouched as well.
    """
    if answer is Ellipsis:
        return True
    return type(answer) is FunctionType and _idle(answer.__code__)


_IDLE = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST", "COPY_FREE_VARS"}
_NEST = {
    *("MAKE_CELL", "LOAD_CLOSURE", "BUILD_TUPLE", "MAKE_FUNCTION", "SET_FUNCTION_ATTRIBUTE"),
    *("STORE_FAST", "LOAD_FAST", "LOAD_FAST_BORROW", "STORE_FAST_LOAD_FAST"),
}


def _idle(code: CodeType) -> bool:
    """True when the code does nothing but return None, `...` or a function that is idle too."""
    steps = list(dis.get_instructions(code))
    names = {step.opname for step in steps}
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    if inner:
        made = {c.co_name for c in inner}
        stored = {step.argval for step in steps if step.opname == "STORE_FAST"}
        loaded = {step.argval for step in steps if step.opname.startswith("LOAD_FAST")}
        own = {*made, *code.co_cellvars, *code.co_freevars}  # on 3.13 a closure is a LOAD_FAST
        return (
            names <= _IDLE | _NEST and stored <= made and loaded <= own and all(map(_idle, inner))
        )
    if code.co_flags & _GENERATOR:
        return False
    constants = [step.argval for step in steps if "CONST" in step.opname]
    return names <= _IDLE and constants in ([None], [Ellipsis], [Ellipsis, None])


_GENERATOR = 0x20 | 0x80 | 0x200  # generators and coroutines


@dataclass(frozen=True)
class Asked:
    """The reader's function, called with care: every slip becomes a sentence."""

    function: Callable[..., Any]

    def __call__(self, *args: Any, shape: tuple[int, ...] | None = ()) -> Any:
        """Call it with copies of `args`; demand finite numbers of the given shape (None: any)."""
        return numbers(self.raw(*args), shape, args)

    def raw(self, *args: Any) -> Any:
        """Call it with copies of `args` and pass on whatever it returns.

        An exception becomes a sentence, and so does a change of an argument, however small.
        """
        given = _copies(args)
        try:
            value = self.function(*given)
        except (Exception, SystemExit) as error:
            text = _("Your function raised {}: {} (called with {}).")
            raise Wrong(text.format(type(error).__name__, _words(error), at(args))) from error
        for before, after in zip(args, given, strict=True):
            if isinstance(before, ndarray) and not _unchanged(before, after):
                raise Wrong(_("Your function changes its argument. Work on a copy of it."))
        return value

    def refuses(self, *args: Any) -> bool:
        """True when it declines: raises ValueError, or returns None or nan."""
        try:
            value = self.function(*_copies(args))
        except ValueError:
            return True
        except (Exception, SystemExit) as error:
            text = _("It should refuse this with a ValueError, but it raised {}: {}.")
            raise Wrong(text.format(type(error).__name__, _words(error))) from error
        try:
            return value is None or not bool(_all(_isfinite(_asarray(value, dtype=float))))
        except Exception:  # it is no number, so it is no refusal either
            return False


def _copies(args: Sequence[Any]) -> list[Any]:
    return [a.copy() if isinstance(a, ndarray) else a for a in args]


def _unchanged(before: Any, after: Any) -> bool:
    return bool(before.dtype == after.dtype and _array_equal(before, after, equal_nan=True))


def _words(error: BaseException) -> str:
    """Return the message of an exception, which may be of the reader's own making."""
    try:
        return str(error)
    except Exception:
        return "…"


def numbers(value: Any, shape: tuple[int, ...] | None, args: Sequence[Any] = ()) -> Any:
    """Return `value` as finite floats of the given shape, or raise `Wrong` with what it is."""
    where = _(" (called with {})").format(at(args)) if args else ""
    if value is None:
        raise Wrong(_("Your function returned None{}. Is there a return?").format(where))
    try:
        found = _asarray(value)
        if found.dtype.kind not in "fiubO":
            raise TypeError  # text would be read as a number, a complex number would lose a part
        array = found.astype(float)
    except Exception:
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
    gap = ~(_abs(got - want) <= atol + rtol * _abs(want))  # a nan is a gap
    index = tuple(int(i) for i in unravel_index(int(_argmax(gap)), gap.shape))
    return _("the first entry that fails is [{}]").format(", ".join(map(str, index)))


def at(args: Sequence[Any]) -> str:
    """Write the arguments of a call so that a reader can repeat it."""
    return ", ".join(_short(a) for a in args)


def _short(value: Any) -> str:
    if isinstance(value, (float, int, number)):
        return f"{value:.4g}"
    if isinstance(value, ndarray):
        return _entries(value.tolist()) if value.size <= 6 else f"array of shape {value.shape}"
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__)).replace("<lambda>", "f")
    return type(value).__name__


def _entries(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_entries, value))}]"
    return str(round(value, 4)) if isinstance(value, float) else str(value)


def biggest(value: Any) -> float:
    """Return the largest absolute entry."""
    return float(_max(_abs(_asarray(value, dtype=float))))
