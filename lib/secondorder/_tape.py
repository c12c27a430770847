"""The one file that touches autograd's private parts: record a function once, replay it backwards.

`record(f, x)` runs `f` on a traced copy of `x` and returns a `Tape`. `tape.pullback(u)` sends a
covector back through the recorded steps (one reverse pass). What stock autograd does not do:

- every step keeps its primitive and its inputs, so that a wrong rule or a kink can be named;
- the trace stack is restored when `f` raises;
- a value kept from an earlier call of `f` is refused (autograd mixes the two graphs);
- recording holds a lock, so that threads may call the functions of this library at the same time
  (autograd numbers its traces in one global variable). Replaying needs no lock.

`gradient_map(f)` is itself traceable: recording it gives second derivatives.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.core import (
    JVPNode,
    VJPNode,
    VSpace,
    add_outgrads,
    primitive_jvps,
    sparse_add,
    vspace,
)
from autograd.numpy import numpy_vjps, numpy_wrapper
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.tracer import Node, getval, isbox, notrace_primitives, toposort, trace_stack
from autograd.tracer import trace as autograd_trace

from ._inputs import Function, describe, need_callable, need_scalar

_LOCK = threading.RLock()
INNER = {  # primitives that autograd uses and does not show
    "add": VSpace.add,
    "mut_add": VSpace.mut_add,
    "sparse_add": sparse_add,
    "getitem": ArrayBox.__getitem__,
    "untake": numpy_vjps.untake,
    "dot_adjoint_0": numpy_vjps.dot_adjoint_0,
    "dot_adjoint_1": numpy_vjps.dot_adjoint_1,
    "array": numpy_wrapper._array_from_scalar_or_array,
    "array_from_args": numpy_wrapper.array_from_args,
    "concatenate": numpy_wrapper.concatenate_args,
    "mean": numpy_wrapper._primitive_mean,
    "where": getattr(anp, "_original_where", anp.where),
}


class UntraceableError(TypeError):
    """autograd cannot follow the function, or has no right rule for one of its steps."""


class BreakdownError(ValueError):
    """A derivative rule meets a singular matrix or divides by zero at this point."""


class RecordedNode(VJPNode):
    """A step of the tape that also remembers which primitive it was and what it was given."""

    __slots__ = ("args", "fun", "kwargs", "traced", "value")

    def __init__(
        self, value: Any, fun: Any, args: Any, kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        if fun.fun is np.full_like:  # to autograd a constant, even when the fill value is traced
            if 1 in parent_argnums:
                raise UntraceableError(
                    "autograd cannot trace f: full_like loses the slope of its fill_value; "
                    "write x[0] * np.ones(n)"
                )
            self.parents, self.vjp = (), lambda g: ()  # type: ignore[misc]
        else:
            super().__init__(value, fun, args, kwargs, parent_argnums, parents)
        if fun.fun is np.linalg.cholesky:
            self.vjp = _to_lower(self.vjp)
        self.value, self.fun, self.args, self.kwargs = value, fun, args, kwargs
        self.traced = parent_argnums


def _to_lower(vjp: Function) -> Function:
    """Correct autograd's rule for cholesky: it reads only the lower half of its matrix."""

    def corrected(g: Any) -> tuple:
        (S,) = vjp(g)
        return (2 * anp.tril(S, -1) + S * np.eye(np.shape(S)[-1]),)

    return corrected


class _Unrecorded:
    """What autograd treats as constant, but for `full_like`, which has to be looked at."""

    def __init__(self, kind: Any) -> None:
        self.constant = notrace_primitives[kind]

    def __contains__(self, fun: Any) -> bool:
        return fun in self.constant and fun.fun is not np.full_like


notrace_primitives[RecordedNode] = _Unrecorded(VJPNode)


@dataclass(frozen=True, eq=False)
class Tape:
    """One recorded evaluation: the value, and the steps that lead back to the input."""

    value: Any
    nodes: tuple[RecordedNode, ...]  # from the output to the input; empty for a constant
    root: RecordedNode
    zeros: Any

    @property
    def constant(self) -> bool:
        """True when the output does not depend on the input at all."""
        return not self.nodes

    @property
    def steps(self) -> Iterator[RecordedNode]:
        """The recorded primitives, from the output to the input."""
        return (node for node in self.nodes if node is not self.root)

    def pullback(self, u: Any) -> Any:
        """Return uᵀJ, the covector `u` sent back to the input. Cost: about two evaluations of f."""
        if self.constant:
            return self.zeros
        with _replaying():
            return self._backwards(u)

    def _backwards(self, u: Any) -> Any:
        arrived: dict[Any, Any] = {self.nodes[0]: (u, False)}
        out = self.zeros
        for node in self.nodes:
            sent = arrived.pop(node)[0]
            if node is self.root:
                out = sent
            parts: tuple[Any, ...] = tuple(node.vjp(sent))
            parents: tuple[Any, ...] = node.parents
            for parent, part in zip(parents, parts, strict=True):
                arrived[parent] = add_outgrads(arrived.get(parent), part)
        return out


@contextmanager
def _replaying() -> Iterator[None]:
    """Turn the errors of derivative rules into ours; keep numpy quiet about nan on the way."""
    try:
        with np.errstate(all="ignore"):  # the callers refuse results that are not finite
            yield
    except (UntraceableError, BreakdownError):
        raise
    except (np.linalg.LinAlgError, ArithmeticError) as error:
        raise BreakdownError(
            f"autograd's rule for a step of f breaks down at this x ({error}): f has a value here, "
            "but its derivative may not exist. Compare with central_difference"
        ) from error
    except Exception as error:
        raise UntraceableError(_untraceable("f", error)) from error


@contextmanager
def _tracing() -> Iterator[int]:
    """Hold the lock, restore the trace stack, silence autograd's one warning."""
    with _LOCK:
        top = trace_stack.top
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Output seems independent of input")
                yield top
        finally:
            trace_stack.top = top


def record(f: Function, x: Any, name: str = "f") -> Tape:
    """Run `f` once on a traced `x` and return its `Tape`.

    `f` is taken to work on plain numbers: what it raises here is due to the tracing, and becomes
    an UntraceableError (a TypeError). Cost: one evaluation of f plus the recording.
    """
    value, nodes, root = _recorded(RecordedNode, f, x, name)
    return Tape(value, nodes, root, vspace(getval(x)).zeros())


def _recorded(
    kind: Any, f: Function, x: Any, name: str, seen: Sequence[Any] = ()
) -> tuple[Any, tuple[Any, ...], Any]:
    """Run `f` on a traced `x`; return its value, the nodes from output to input, and the root.

    There are no nodes for a constant. Once `seen` holds something, f itself has run, and what is
    raised comes from elsewhere: it is passed on as it is.
    """
    need_callable(name, f)
    root = kind.new_root()
    with _tracing() as top:
        try:
            value, end = autograd_trace(root, f, x)
        except (UntraceableError, BreakdownError):
            raise
        except Exception as error:
            if seen:
                raise
            raise UntraceableError(_untraceable(name, error)) from error
    leaked = isbox(value) and value._trace > top  # a box of this trace, or of one that is over
    if _hides_boxes(value) or (leaked and end is not None):
        raise UntraceableError(
            f"autograd lost track of {name}: it returned {describe_output(value)}. "
            f"Build arrays inside {name} with autograd.numpy (import autograd.numpy as np)"
        )
    nodes = () if end is None else tuple(toposort(end))
    strangers = any(node is not root and not hasattr(node, "fun") for node in nodes)
    if strangers or leaked:
        raise UntraceableError(
            f"{name} uses a value that it kept from an earlier call: compute everything from x"
        )
    return value, nodes if root in nodes else (), root


def describe_output(value: Any) -> str:
    """Describe an output without printing autograd's boxes."""
    if isinstance(value, (list, tuple, dict)):
        return f"a {type(value).__name__} of {len(value)} items, not an array"
    if isbox(value):
        return "a number out of an array of objects"
    return describe(value)


def _hides_boxes(value: Any) -> bool:
    dtype = getattr(value, "dtype", None)
    return isinstance(value, (list, tuple, dict)) or (dtype is not None and dtype.kind == "O")


def _untraceable(name: str, error: Exception) -> str:
    """Say what to do about an error that comes up only while autograd watches."""
    text = str(error)
    if "item assignment" in text or "array element with a sequence" in text:
        advice = "it assigns into an array; build the result with np.array([...]) or np.stack"
    elif "is being traced" in text:
        advice = "it calls a function of this library; for second derivatives use hessian or hvp"
    elif isinstance(error, NotImplementedError) and "not defined" in text:
        advice = "a step in it has no derivative rule"
    elif "ArrayBox" in text or "must be real number" in text or "__array_ufunc__" in text:
        advice = "write it with autograd.numpy (import autograd.numpy as np), not float() or math"
    else:
        advice = "a step in it has no rule for this kind of call"
    return f"autograd cannot trace {name}: {advice}. It said: {text}"


def gradient_map(f: Function, name: str = "f", seen: list[Any] | None = None) -> Function:
    """Return x ↦ ∇f(x), traceable once more; f(x) is appended to `seen`.

    Cost per call: one evaluation and one reverse pass.
    """

    def grad_f(x: Any) -> Any:
        tape = record(f, x, name)
        if seen is not None:
            seen.append(tape.value)
        need_scalar(getval(tape.value), name)
        return tape.zeros if tape.constant else tape.pullback(vspace(getval(tape.value)).ones())

    return grad_f


class Step(Node):
    """A step of a forward trace: what was computed from what. It looks up no rule."""

    __slots__ = ("args", "fun", "kwargs", "parents", "traced", "value")

    def __init__(
        self, value: Any, fun: Any, args: Any, kwargs: Any, parent_argnums: Any, parents: Any
    ) -> None:
        if fun.fun is np.full_like and 1 in parent_argnums:
            raise UntraceableError(
                "autograd cannot trace f: full_like loses the slope of its fill_value; "
                "write x[0] * np.ones(n)"
            )
        self.value, self.fun, self.args, self.kwargs = value, fun, args, kwargs
        self.traced, self.parents = parent_argnums, parents

    def initialize_root(self) -> None:
        self.parents = ()


notrace_primitives[Step] = _Unrecorded(JVPNode)


@dataclass(frozen=True, eq=False)
class Trace:
    """The steps of one evaluation, from the input to the output, to be replayed with tangents.

    `forward` are those of f alone where the trace is one of a gradient.
    """

    value: Any
    steps: tuple[Step, ...]  # the root first; empty for a constant
    forward: tuple[Step, ...]
    forward_value: Any = None


def trace(f: Function, x: Any, name: str = "f") -> Trace:
    """Run `f` once and keep its steps. Cost: one evaluation of f."""
    return _trace(f, x, name, None)


def trace_gradient(f: Function, x: Any, name: str = "f") -> Trace:
    """Run ∇f once and keep its steps. Cost: one gradient."""
    seen: list[Any] = []
    return _trace(gradient_map(f, name, seen), x, name, seen)


def _trace(f: Function, x: Any, name: str, seen: list[Any] | None) -> Trace:
    value, nodes, _ = _recorded(Step, f, x, name, () if seen is None else seen)
    steps = nodes[::-1]
    if seen is None:
        return Trace(value, steps, steps, value)
    forward = tuple(toposort(seen[0]._node))[::-1] if isbox(seen[0]) else ()
    return Trace(value, steps, forward, getval(seen[0]))


def forward_rule(fun: Any) -> Function | None:
    """Return autograd's forward rule of a primitive: (traced, tangents, value, args, kwargs)."""
    return primitive_jvps.get(fun)
