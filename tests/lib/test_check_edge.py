"""Exercises P13.x: other right answers pass, plausible wrong answers get help."""

from __future__ import annotations

from collections.abc import Callable

import autograd.numpy as np
import pytest
from exercise_cases import ask, failures, solution

SOLUTIONS = {id: solution(id) for id in ("P13.1", "P13.2", "P13.3", "P13.4")}


# ── other right answers ───────────────────────────────────────────────────────────────────────────


def top(H):
    return np.linalg.eigvalsh(H)[-1]


def cosine(a, b):
    return a @ b / (np.linalg.norm(a) * np.linalg.norm(b))


def half_a_step(grad, hess, x, eta):
    g = grad(x)
    level = np.max(np.linalg.eigh(hess(x - eta / 2 * g))[0])
    return np.array([level, cosine(g, grad(x - eta * g))])


def all_points(grad, hess, x, eta, steps):
    points = [x]
    for _ in range(steps):
        points.append(points[-1] - eta * grad(points[-1]))
    return top(hess((points[-2] + points[-1]) / 2))


def last_half_step(grad, hess, x, eta, steps):
    for _ in range(steps - 1):
        x = x - eta * grad(x)
    return float(top(hess(x - eta / 2 * grad(x))))


def by_loop(bend, eta, w, steps):
    found = [bend * w * w / 2]
    for _ in range(steps):
        w -= eta * bend * w
        found.append(bend * w * w / 2)
    return found


def by_convolution(losses, window):
    return np.convolve(losses, np.ones(window) / window, "valid")


def by_sums(losses, window):
    sums = np.concatenate([[0.0], np.cumsum(losses)])
    return (sums[window:] - sums[:-window]) / window


@pytest.mark.parametrize(
    ("id", "answer"),
    [
        ("P13.1", half_a_step),
        ("P13.2", all_points),
        ("P13.2", last_half_step),
        ("P13.3", by_loop),
        ("P13.4", by_convolution),
        ("P13.4", by_sums),
    ],
)
def test_other_right_answers_are_right(id: str, answer: Callable) -> None:
    assert failures(id, answer, 60) == []


# ── plausible wrong answers, each with the words that must help ───────────────────────────────────


def pair(level, turn=None):
    """An answer to P13.1 from (hess, x, x₊) and, where given, from (g, g₊, x, x₊, grad)."""

    def answer(grad, hess, x, eta):
        g = grad(x)
        after = x - eta * g
        h = grad(after)
        return level(hess, x, after), cosine(g, h) if turn is None else turn(g, h, x, after, grad)

    return answer


def middle(hess, x, after):
    return top(hess((x + after) / 2))


def run(which):
    """An answer to P13.2 that measures at a point made from all points of the run."""

    def answer(grad, hess, x, eta, steps):
        points = [x]
        for _ in range(steps + 2):
            points.append(points[-1] - eta * grad(points[-1]))
        return top(hess(which(points, steps)))

    return answer


def in_place(grad, hess, x, eta, steps):
    for _ in range(steps):
        before = x.copy()
        x -= eta * grad(x)
    return top(hess((before + x) / 2))


def fade(losses, window):
    found = [losses[0]]
    for loss in losses[1:]:
        found.append((window * found[-1] + loss) / (window + 1))
    return np.array(found)[window - 1 :]


def spans(rule):
    def answer(losses, window):
        return [rule(losses[k : k + window]) for k in range(len(losses) - window + 1)]

    return answer


WRONG: list[tuple[str, Callable, str]] = [
    ("P13.1", pair(lambda H, x, a: top(H(x))), "sharpness at x."),
    ("P13.1", pair(lambda H, x, a: top(H(a))), "sharpness at x₊"),
    ("P13.1", pair(lambda H, x, a: (top(H(x)) + top(H(a))) / 2), "average two sharpnesses"),
    ("P13.1", pair(lambda H, x, a: top((H(x) + H(a)) / 2)), "average two Hessians"),
    ("P13.1", pair(lambda H, x, a: np.linalg.eigvalsh(H((x + a) / 2))[0]), "smallest"),
    ("P13.1", pair(lambda H, x, a: np.trace(H((x + a) / 2))), "trace"),
    ("P13.1", pair(lambda H, x, a: np.mean(np.linalg.eigvalsh(H((x + a) / 2)))), "mean"),
    ("P13.1", pair(lambda H, x, a: np.linalg.norm(H((x + a) / 2))), "length of the matrix"),
    ("P13.1", pair(lambda H, x, a: top(H(x + a))), "divide by 2"),
    ("P13.1", pair(lambda H, x, a: top(H((a - x) / 2))), "half a step"),
    ("P13.1", pair(lambda H, x, a: top(H((3 * x - a) / 2))), "uphill"),
    ("P13.1", lambda g, H, x, eta: pair(middle)(g, H, x, eta)[::-1], "wrong order"),
    ("P13.1", pair(middle, lambda g, h, x, a, grad: -cosine(g, h)), "wrong sign"),
    ("P13.1", pair(middle, lambda g, h, x, a, grad: g @ h), "lengths of both"),
    ("P13.1", pair(middle, lambda g, h, x, a, grad: g @ h / (g @ g)), "both lengths"),
    ("P13.1", pair(middle, lambda g, h, x, a, grad: cosine(x, a)), "compares the points"),
    ("P13.1", pair(middle, lambda g, h, x, a, grad: cosine(g, grad((x + a) / 2))), "half-way"),
    ("P13.1", pair(middle, lambda g, h, x, a, grad: cosine(g, g)), "itself"),
    ("P13.1", pair(middle, lambda g, h, x, a, grad: np.arccos(cosine(g, h))), "not that of g"),
    ("P13.1", lambda g, H, x, eta: top(H(x)), "shape"),
    ("P13.2", run(lambda p, k: p[k]), "at the last point. Measure"),
    ("P13.2", run(lambda p, k: p[k - 1]), "last point but one"),
    ("P13.2", run(lambda p, k: (p[k] + p[k + 1]) / 2), "one step too many"),
    ("P13.2", run(lambda p, k: (p[k - 2] + p[k - 1]) / 2 if k > 1 else p[0]), "too few"),
    ("P13.2", run(lambda p, k: (p[k - 2] + p[k]) / 2 if k > 1 else (p[0] + p[1]) / 2), "same side"),
    ("P13.2", run(lambda p, k: p[0]), "at the start"),
    ("P13.2", run(lambda p, k: (p[0] + p[k]) / 2), "start and the end"),
    ("P13.2", lambda g, H, x, eta, steps: 2 / eta, "half-way between the last two"),
    ("P13.2", lambda g, H, x, eta, steps: x, "shape"),
    ("P13.2", in_place, "changes its argument"),
    ("P13.3", lambda b, e, w, n: w * (1 - e * b) ** np.arange(n + 1), "points w"),
    ("P13.3", lambda b, e, w, n: 2 * SOLUTIONS["P13.3"](b, e, w, n), "forget the ½"),
    ("P13.3", lambda b, e, w, n: SOLUTIONS["P13.3"](b, e, w, n) / b, "forget λ"),
    ("P13.3", lambda b, e, w, n: SOLUTIONS["P13.3"](b, -e, w, n), "uphill"),
    ("P13.3", lambda b, e, w, n: b * w**2 / 2 * (1 - e * b) ** np.arange(n + 1), "its height by"),
    ("P13.3", lambda b, e, w, n: b * (w * (1 - e) ** np.arange(n + 1)) ** 2 / 2, "forget λ"),
    ("P13.3", lambda b, e, w, n: b * (w - np.arange(n + 1) * e * b * w) ** 2 / 2, "afresh"),
    ("P13.3", lambda b, e, w, n: SOLUTIONS["P13.3"](b, e, w, n + 1)[1:], "start itself"),
    ("P13.3", lambda b, e, w, n: SOLUTIONS["P13.3"](b, e, w, n - 1), "shape"),
    ("P13.3", lambda b, e, w, n: SOLUTIONS["P13.3"](b, e, w, n)[-1], "shape"),
    ("P13.3", lambda b, e, w, n: np.full(n + 1, b * w**2 / 2), "does not change"),
    ("P13.3", lambda b, e, w, n: SOLUTIONS["P13.3"](b, e / 2, w, n), "(1 − ηλ)²"),
    ("P13.4", spans(np.sum), "sums"),
    ("P13.4", spans(np.median), "medians"),
    ("P13.4", spans(np.min), "smallest"),
    ("P13.4", spans(lambda span: span[0]), "one loss of each"),
    ("P13.4", spans(lambda span: span[-1]), "one loss of each"),
    ("P13.4", lambda x, m: SOLUTIONS["P13.4"](x, m)[::-1], "reverse"),
    ("P13.4", lambda x, m: SOLUTIONS["P13.4"](x, m)[:-1], "shape"),
    ("P13.4", lambda x, m: np.convolve(x, np.ones(m) / m, "same"), "shape"),
    ("P13.4", lambda x, m: np.convolve(x, np.ones(m) / m, "full"), "shape"),
    ("P13.4", lambda x, m: (np.cumsum(x) / np.arange(1, x.size + 1))[m - 1 :], "forgets"),
    ("P13.4", fade, "fades"),
    ("P13.4", lambda x, m: x[: x.size // m * m].reshape(-1, m).mean(axis=1), "shape"),
    ("P13.4", lambda x, m: np.full(x.size - m + 1, x.mean()), "first entry|leave the window"),
]


@pytest.mark.parametrize(("id", "answer", "help_"), WRONG)
def test_wrong_answer_is_told_what_is_wrong(id: str, answer: Callable, help_: str) -> None:
    for seed in range(15):
        found = ask(id, answer, seed)
        assert found.status == "wrong"
        assert any(part in found.message for part in help_.split("|")), f"seed {seed}: {found}"
