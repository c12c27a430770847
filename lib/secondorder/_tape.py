"""The one file that touches autograd's private parts: record a function once, replay it backwards.

`record(f, x)` runs `f` on a traced copy of `x` and returns a `Tape`. `tape.pullback(u)` sends a
covector back through the recorded steps (one reverse pass). Two things stock autograd does not do:
the trace stack is restored when `f` raises, and every recorded step keeps its primitive and its
inputs, so that `tape.kinks()` can say where a derivative is only a convention.

`gradient_map(f)` is itself traceable: recording it gives second derivatives.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.core import VJPNode, backward_pass, make_jvp, vspace
from autograd.tracer import getval, notrace_primitives, toposort, trace_stack
from autograd.tracer import trace as autograd_trace

from ._inputs import Function, describe, need_callable, need_scalar


class RecordedNode(VJPNode):
    """A step of the tape that also remembers which primitive it was and what it was given."""

    __slots__ = ("args", "fun", "kwargs")

    def __init__(self, value, fun, args, kwargs, parent_argnums, parents):  # noqa: PLR0913
        super().__init__(value, fun, args, kwargs, parent_argnums, parents)
        self.fun, self.args, self.kwargs = fun, args, kwargs


notrace_primitives[RecordedNode] = notrace_primitives[VJPNode]


def _ties(axis_reduce: Callable) -> Callable[[tuple, dict], int]:
    def count(args: tuple, kwargs: dict) -> int:
        x = args[0]
        axis = args[1] if len(args) > 1 else kwargs.get("axis")
        best = axis_reduce(x, axis=axis, keepdims=True)
        return int(np.sum(np.sum(x == best, axis=axis) > 1))

    return count


def _clip_ends(args: tuple, kwargs: dict) -> int:
    names = dict(zip(("a", "a_min", "a_max"), args, strict=False)) | kwargs
    ends = [e for e in (names.get("a_min"), names.get("a_max")) if e is not None]
    return int(sum(np.sum(names["a"] == e) for e in ends))


def _equal(args: tuple, kwargs: dict) -> int:
    return int(np.sum(args[0] == args[1]))


def _zeros(args: tuple, kwargs: dict) -> int:
    return int(np.sum(args[0] == 0))


# primitive → how many of its entries sit exactly on a kink
_KINKS: dict[Any, Callable[[tuple, dict], int]] = {
    anp.abs: _zeros,
    anp.absolute: _zeros,
    anp.fabs: _zeros,
    anp.maximum: _equal,
    anp.minimum: _equal,
    anp.fmax: _equal,
    anp.fmin: _equal,
    anp.max: _ties(np.max),
    anp.min: _ties(np.min),
    anp.amax: _ties(np.max),
    anp.amin: _ties(np.min),
    anp.clip: _clip_ends,
}


@dataclass(frozen=True)
class Tape:
    """One recorded evaluation: the value, and the steps that lead back to the input."""

    value: Any
    end: RecordedNode | None
    zeros: Any

    @property
    def constant(self) -> bool:
        """True when the output does not depend on the input at all."""
        return self.end is None

    def pullback(self, u: Any) -> Any:
        """Return uᵀJ, the covector `u` sent back to the input. Cost: about two evaluations of f."""
        with np.errstate(all="ignore"):  # the callers refuse results that are not finite
            return self.zeros if self.end is None else backward_pass(u, self.end)

    def kinks(self) -> Iterator[tuple[str, int]]:
        """Yield (name of the primitive, number of entries) for every step that sits on a kink."""
        for node in toposort(self.end) if self.end is not None else ():
            count = _KINKS.get(getattr(node, "fun", None), lambda *_: 0)
            hits = count(node.args, node.kwargs) if hasattr(node, "args") else 0
            if hits:
                yield node.fun.__name__, hits


def record(f: Function, x: Any, name: str = "f") -> Tape:
    """Run `f` once on a traced `x` and return its `Tape`.

    Raises TypeError when `f` leaves autograd's sight (plain `math`, `float(x)`, object arrays) and
    passes on what `f` itself raises. Cost: one evaluation of f plus the recording.
    """
    need_callable(name, f)
    top = trace_stack.top
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Output seems independent of input")
            value, end = autograd_trace(RecordedNode.new_root(), f, x)
    except (TypeError, ValueError, AttributeError, NotImplementedError) as error:
        advice = _advice(error)
        if advice is None:
            raise
        raise TypeError(f"autograd cannot trace {name}: {advice}. It said: {error}") from error
    finally:
        trace_stack.top = top
    if _hides_boxes(value):
        raise TypeError(
            f"autograd lost track of {name}: it returned {describe_output(value)}. "
            f"Build arrays inside {name} with autograd.numpy (import autograd.numpy as np)"
        )
    return Tape(value, end, vspace(getval(x)).zeros())


def describe_output(value: Any) -> str:
    """Describe an output without printing autograd's boxes."""
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {len(value)} items, not an array"
    return describe(value)


def _hides_boxes(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or getattr(value, "dtype", None) == object


def _advice(error: Exception) -> str | None:
    """What to do about one of autograd's own complaints; None for errors of the user's code."""
    text = str(error)
    if isinstance(error, NotImplementedError) and "not defined" in text:
        return "a step in it has no derivative rule"
    if "item assignment" in text or "array element with a sequence" in text:
        return "it assigns into an array; build the result with np.array([...]) or np.stack"
    if "ArrayBox" in text or "must be real number" in text:
        return "write it with autograd.numpy (import autograd.numpy as np), without float() or math"
    return None


def gradient_map(f: Function, name: str = "f") -> Function:
    """Return x ↦ ∇f(x), traceable once more. Cost per call: one evaluation and one reverse pass."""

    def grad_f(x: Any) -> Any:
        tape = record(f, x, name)
        need_scalar(getval(tape.value), name)
        if tape.constant:
            return tape.zeros
        return tape.pullback(vspace(getval(tape.value)).ones())

    return grad_f


def pushforward(f: Function, x: Any, v: Any, name: str = "f") -> Any:
    """Return J v by one forward pass; where a step has no forward rule, by two reverse passes."""
    top = trace_stack.top
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Output seems independent of input")
            return make_jvp(f, x)(v)[1]
    except NotImplementedError:
        trace_stack.top = top
        tape = record(f, x, name)
        twice = record(tape.pullback, vspace(tape.value).zeros(), name)
        return twice.pullback(v)
    finally:
        trace_stack.top = top
