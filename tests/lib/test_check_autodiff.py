"""Exercises J6.x: other right answers pass, plausible slips are named."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import pytest
from exercise_cases import ask, failures

SEEDS = 60


# ── J6.1 ──────────────────────────────────────────────────────────────────────────────────────────


def forwards(line: Any, place: int) -> Any:
    """The slopes of all entries when only the one at `place` is nudged."""
    slopes = np.zeros(len(line))
    for here, station in enumerate(line):
        slopes[here] = sum(w * slopes[source] for source, w in station) + (here == place)
    return slopes


def one_forward_pass_each(line: Any) -> list[float]:
    return [float(forwards(line, place)[-1]) for place in range(len(line))]


def by_solving(line: Any) -> Any:
    """Adjoints solve (I − S)ᵀ a = e_last, with the slopes in S."""
    n = len(line)
    S = np.zeros((n, n))
    for place, station in enumerate(line):
        for source, slope in station:
            S[place, source] += slope
    return np.linalg.solve((np.eye(n) - S).T, np.eye(n)[-1])


def walk(line: Any, places: Any, add: bool = True, start: float = 1.0) -> Any:
    answer = np.zeros(len(line))
    answer[-1] = start
    for place in places:
        for source, slope in line[place]:
            answer[source] = answer[source] * add + answer[place] * slope
    return answer


def back(line: Any, **how: Any) -> Any:
    return walk(line, range(len(line) - 1, -1, -1), **how)


def all_knobs_at_once(line: Any) -> Any:
    knobs = [place for place, station in enumerate(line) if not station]
    return sum(forwards(line, place) for place in knobs)


def spoils_the_line(line: Any) -> Any:
    answer = back(line)
    line.clear()
    return answer


def knobs_only(line: Any) -> Any:
    return back(line)[: sum(not station for station in line)]


# ── J6.2 ──────────────────────────────────────────────────────────────────────────────────────────


def slopes(W: Any, x: Any) -> Any:
    return 1 - np.tanh(W @ x) ** 2


def through_the_jacobian(W: Any, x: Any, v: Any, u: Any) -> Any:
    J = np.diag(slopes(W, x)) @ W
    return [J @ v, J.T @ u]


def by_differences(W: Any, x: Any, v: Any, u: Any) -> Any:
    def f(x: Any) -> Any:
        return np.tanh(W @ x)

    def along(v: Any) -> Any:
        return (f(x + 1e-5 * v) - f(x - 1e-5 * v)) / 2e-5

    return along(v), np.array([u @ along(e) for e in np.eye(x.size)])


def no_slopes(W: Any, x: Any, v: Any, u: Any) -> Any:
    return W @ v, W.T @ u


def wrong_slopes(W: Any, x: Any, v: Any, u: Any) -> Any:
    s = 1 - (W @ x) ** 2
    return s * (W @ v), W.T @ (s * u)


def not_squared(W: Any, x: Any, v: Any, u: Any) -> Any:
    s = 1 - np.tanh(W @ x)
    return s * (W @ v), W.T @ (s * u)


def not_transposed(W: Any, x: Any, v: Any, u: Any) -> Any:
    s = slopes(W, x)
    return s * (W @ v), W @ (s * u)


def slopes_last(W: Any, x: Any, v: Any, u: Any) -> Any:
    s = slopes(W, x)
    return s * (W @ v), s * (W.T @ u)


def slopes_first(W: Any, x: Any, v: Any, u: Any) -> Any:
    s = slopes(W, x)
    return W @ (s * v), W.T @ (s * u)


def swapped(W: Any, x: Any, v: Any, u: Any) -> Any:
    return through_the_jacobian(W, x, v, u)[::-1]


def forward_only(W: Any, x: Any, v: Any, u: Any) -> Any:
    return slopes(W, x) * (W @ v)


def half_back(W: Any, x: Any, v: Any, u: Any) -> Any:
    Jv, JTu = through_the_jacobian(W, x, v, u)
    return Jv, JTu / 2


# ── J6.3 ──────────────────────────────────────────────────────────────────────────────────────────


def rows(push: Any, pull: Any, n: int, m: int) -> Any:
    return np.array([pull(e) for e in np.eye(m)])


def columns(push: Any, pull: Any, n: int, m: int) -> Any:
    return np.array([push(e) for e in np.eye(n)]).T


def cheaper(push: Any, pull: Any, n: int, m: int) -> Any:
    if n < m:
        return np.column_stack([push(e) for e in np.eye(n)])
    return np.vstack([pull(e) for e in np.eye(m)])


def scaled_probes(push: Any, pull: Any, n: int, m: int) -> Any:
    """Any basis will do."""
    if m < n:
        return rows(push, lambda u: pull(3 * u) / 3, n, m)
    return columns(lambda v: push(-2 * v) / -2, pull, n, m)


def dearer(push: Any, pull: Any, n: int, m: int) -> Any:
    return rows(push, pull, n, m) if n < m else columns(push, pull, n, m)


def both(push: Any, pull: Any, n: int, m: int) -> Any:
    return (rows(push, pull, n, m) + columns(push, pull, n, m)) / 2


def lying_down(push: Any, pull: Any, n: int, m: int) -> Any:
    return cheaper(push, pull, n, m).T


def whole_identity(push: Any, pull: Any, n: int, m: int) -> Any:
    return push(np.eye(n))


# ── J6.4 ──────────────────────────────────────────────────────────────────────────────────────────


def product(chain: Any) -> Any:
    return reduce(lambda J, W: W @ J, chain)


def own(chain: Any) -> Any:
    return np.array([np.linalg.norm(W, 2) for W in chain])


def by_eigenvalue(chain: Any) -> Any:
    J = product(chain)
    return np.linalg.eigvalsh(J.T @ J)[-1]


def by_passes(chain: Any) -> Any:
    """One pass forward and one back, again and again: the favourite direction wins."""
    x = np.random.default_rng(0).normal(size=chain[0].shape[1])
    for _ in range(3000):
        x = x / np.linalg.norm(x)
        y = reduce(lambda z, W: W @ z, chain, x)
        x = reduce(lambda z, W: W.T @ z, chain[::-1], y)
    return np.linalg.norm(x)


OTHER_RIGHT = [
    ("J6.1", one_forward_pass_each),
    ("J6.1", by_solving),
    ("J6.1", spoils_the_line),
    ("J6.2", through_the_jacobian),
    ("J6.2", by_differences),
    ("J6.3", cheaper),
    ("J6.3", scaled_probes),
    ("J6.4", by_eigenvalue),
    ("J6.4", lambda chain: np.linalg.svd(product(chain))[1][0] ** 2),
]


@pytest.mark.parametrize(("id", "answer"), OTHER_RIGHT)
def test_other_right_answers_are_right(id: str, answer: Any) -> None:
    assert failures(id, answer, SEEDS) == []


def test_passes_to_and_fro_find_the_stretch() -> None:
    """Power iteration converges slowly where two directions are nearly equal: a few seeds do."""
    assert len(failures("J6.4", by_passes, 3)) <= 1


WRONG = [
    ("J6.1", lambda line: back(line, add=False), "add, where you overwrite"),
    ("J6.1", lambda line: walk(line, range(len(line))), "from the front"),
    ("J6.1", lambda line: back(line, start=0.0), "answer to itself"),
    ("J6.1", lambda line: np.eye(len(line))[-1], "Send it on"),
    ("J6.1", lambda line: back(line)[::-1], "from the end"),
    ("J6.1", knobs_only, "knobs only"),
    ("J6.1", all_knobs_at_once, "forward pass"),
    ("J6.1", lambda line: 2 * back(line), "twice what it should be"),
    ("J6.1", lambda line: -back(line), "sign is flipped"),
    ("J6.1", lambda line: {"answer": back(line)}, "must be numbers"),
    ("J6.2", no_slopes, "Where is the slope of tanh"),
    ("J6.2", wrong_slopes, "agree with each other, but not with the layer"),
    ("J6.2", not_squared, "agree with each other, but not with the layer"),
    ("J6.2", not_transposed, "W is transposed"),
    ("J6.2", slopes_last, "you meet tanh first"),
    ("J6.2", slopes_first, "you meet W first"),
    ("J6.2", swapped, "wrong places"),
    ("J6.2", forward_only, "Return two arrays"),
    ("J6.2", half_back, "adjoint test fails"),
    ("J6.3", rows, "n = 2 and m = 6 it took 6 passes"),
    ("J6.3", columns, "n = 6 and m = 2 it took 6 passes"),
    ("J6.3", dearer, "Can you do with fewer"),
    ("J6.3", both, "One kind is enough"),
    ("J6.3", lying_down, "transposed"),
    ("J6.3", whole_identity, "push takes one vector"),
    ("J6.3", lambda push, pull, n, m: np.zeros((m, n)), "is off"),
    ("J6.4", lambda chain: np.prod(own(chain) ** 2), "layers' own stretches"),
    ("J6.4", lambda chain: np.prod(own(chain)), "layers' own stretches"),
    ("J6.4", lambda chain: np.linalg.norm(product(chain), 2), "Squared lengths"),
    ("J6.4", lambda chain: np.sum(product(chain) ** 2), "adds up all directions"),
    ("J6.4", lambda chain: np.linalg.norm(product(chain), -2) ** 2, "stretched least"),
    ("J6.4", lambda chain: np.linalg.norm(product(chain[::-1]), 2) ** 2, "wrong order"),
    ("J6.4", lambda chain: np.linalg.norm(chain[-1], 2) ** 2, "one layer only"),
    (
        "J6.4",
        lambda chain: np.max(np.abs(np.linalg.eigvals(product(chain)))) ** 2,
        "comes from eigenvalues",
    ),
    ("J6.4", lambda chain: 0.1 * by_eigenvalue(chain), "some direction"),
    ("J6.4", lambda chain: 2 * by_eigenvalue(chain), "twice what it should be"),
]


@pytest.mark.parametrize(("id", "answer", "fragment"), WRONG)
def test_a_plausible_slip_is_named(id: str, answer: Any, fragment: str) -> None:
    for seed in range(25):
        got = ask(id, answer, seed)
        assert got.status == "wrong"
        assert fragment in got.message, got.message
