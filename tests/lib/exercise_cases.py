"""What the tests of exercises share: solutions, stubs as the chapters print them, garbage."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from typing import Any

import autograd.numpy as np
import nbformat

import canon
from secondorder import check


@cache
def cells(id: str) -> tuple[str, ...]:
    """The code cells of the chapter that has the exercise."""
    anchor = f'<a id="ex-{id.replace(".", "-")}">'
    for path in canon.notebooks():
        notebook = nbformat.read(path, as_version=4)
        if any(anchor in cell.source for cell in notebook.cells):
            return tuple(cell.source for cell in notebook.cells if cell.cell_type == "code")
    raise LookupError(f"no chapter has the exercise {id}")


@cache
def function(id: str, name: str) -> Callable[..., Any]:
    """A function as its cell defines it, with the chapter's imports; no call of the cell is run."""
    imports = [node for cell in cells(id) for node in ast.parse(cell).body if is_import(node)]
    (source,) = [cell for cell in cells(id) if f"def {name}(" in cell]
    defined = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    space: dict[str, Any] = {}
    exec(compile(ast.Module([*imports, *defined], []), "chapter", "exec"), space)
    return space[name]


def is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def solution(id: str) -> Callable[..., Any]:
    return function(id, f"{id.replace('.', '_')}_solution")


def stub(id: str) -> Callable[..., Any]:
    start = f"check.{id.replace('.', '_')}("
    (call,) = [cell for cell in cells(id) if cell.startswith(start) and "# stuck?" in cell]
    return function(id, call.removeprefix(start).split(")")[0])


def ask(id: str, answer: Any, seed: int = 0) -> check.Verdict:
    return check.EXERCISES[id](answer, rng=np.random.default_rng(seed))


def failures(id: str, answer: Any, seeds: int) -> list[tuple[int, check.Verdict]]:
    """The seeds at which an answer is not right, with what was said."""
    return [(seed, v) for seed in range(seeds) if not (v := ask(id, answer, seed)).ok]


def raises(*_: Any) -> Any:
    raise RuntimeError("broken")


RETURNS = {
    "None": None,
    "text": "abc",
    "nan": np.nan,
    "inf": np.inf,
    "0": 0.0,
    "1": 1.0,
    "True": True,
    "complex": 1j,
    "a list": [],
    "a dict": {},
    "an object": object(),
    "a function": abs,
    "ragged": [[1.0], [1.0, 2.0]],
    "17 zeros": np.zeros(17),
    "three ones": np.ones(3),
    "a vector of nan": np.full(2, np.nan),
    "a matrix of nan": np.full((2, 2), np.nan),
    "ones (2, 2)": np.ones((2, 2)),
    "zeros (3, 2)": np.zeros((3, 2)),
    "zeros (3, 3)": np.zeros((3, 3)),
    "zeros (7, 1, 2)": np.zeros((7, 1, 2)),
}
GARBAGE: dict[str, Any] = {
    "None": None,
    "text": "abc",
    "number": 3.0,
    "list": [],
    "dict": {},
    "object": object(),
    "no arguments": lambda: 1.0,
    "many arguments": lambda a, b, c, d, e: 1.0,
    "raises": raises,
    "a builtin": len,
    **{f"returns {name}": lambda *_, value=value: value for name, value in RETURNS.items()},
}
