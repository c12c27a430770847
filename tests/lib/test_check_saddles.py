"""Exercises H8.x: other right answers pass, plausible wrong answers get help."""

from __future__ import annotations

from collections.abc import Callable

import autograd.numpy as np
import pytest
import scipy.linalg
from exercise_cases import ask, failures, solution

from secondorder import hessian, objectives

SOLUTIONS = {"H8.1": solution("H8.1")}


# ── other right answers ───────────────────────────────────────────────────────────────────────────


def signs_by_loop(H):
    values = np.linalg.eigvals(H).real
    limit = 1e-8 * max(abs(values))
    counts = [0, 0, 0]
    for value in values:
        counts[1 if abs(value) <= limit else 0 if value < 0 else 2] += 1
    return counts


def newton_by_inverse(grad, hess, x):
    for _ in range(30):
        x = x - np.linalg.inv(hess(x)) @ grad(x)
    return x


def root_of_the_square(g, H):
    return -np.linalg.solve(scipy.linalg.sqrtm(H @ H).real, g)


def by_the_ends(H):
    values = np.linalg.eigvalsh(H)
    low, high = values[0], values[-1]
    limit = 1e-9 * max(abs(values))
    if low < -limit and high > limit:
        return 0
    if low > limit:
        return 1
    return -1 if high < -limit else None


def by_error(H):
    found = by_the_ends(H)
    if found is None:
        raise ValueError("silent")
    return found


@pytest.mark.parametrize(
    ("id", "answer"),
    [
        ("H8.1", signs_by_loop),
        ("H8.2", newton_by_inverse),
        ("H8.3", root_of_the_square),
        ("H8.4", by_the_ends),
        ("H8.4", by_error),
    ],
)
def test_other_right_answers_are_right(id: str, answer: Callable) -> None:
    assert failures(id, answer, 100) == []


def test_the_monkey_saddle_is_silent_and_the_pass_is_not() -> None:
    assert by_the_ends(hessian(objectives.monkey_saddle(), np.zeros(2))) is None
    assert by_the_ends(hessian(objectives.saddle(), np.zeros(2))) == 0


# ── plausible wrong answers, each with the words that must help ───────────────────────────────────


def signs_of(values, limit=0.0):
    return [np.sum(values < -limit), np.sum(abs(values) <= limit), np.sum(values > limit)]


def newton(step, rounds=None):
    def answer(grad, hess, x):
        k = 0
        while np.linalg.norm(grad(x)) > 1e-10 and (rounds is None or k < rounds):
            x, k = x + step(grad(x), hess(x)), k + 1
        return x

    return answer


def frozen(grad, hess, x):
    H = hess(x)
    while np.linalg.norm(grad(x)) > 1e-10:
        x = x - np.linalg.solve(H, grad(x))
    return x


def loose(grad, hess, x):
    while np.linalg.norm(grad(x)) > 1e-4:
        x = x - np.linalg.solve(hess(x), grad(x))
    return x


def stays(grad, hess, x):
    grad(x) + hess(x) @ x
    return x


def free(g, H):
    values, Q = np.linalg.eigh(H)
    return -Q @ (Q.T @ g / np.abs(values))


def transposed(g, H):
    values, Q = np.linalg.eigh(H)
    return -Q.T @ (Q @ g / np.abs(values))


def in_the_frame(g, H):
    values, Q = np.linalg.eigh(H)
    return -(Q.T @ g) / np.abs(values)


def multiplied(g, H):
    values, Q = np.linalg.eigh(H)
    return -Q @ (Q.T @ g * np.abs(values))


def signs_lost(g, H):
    values, Q = np.linalg.eigh(H)
    return -Q @ np.abs(Q.T @ g / values)


def clipped(g, H):
    values, Q = np.linalg.eigh(H)
    return -Q @ (Q.T @ g / np.maximum(values, 0.1))


def by_diagonal(H):
    d = np.diag(H)
    return 1 if np.all(d > 0) else -1 if np.all(d < 0) else 0 if np.any(d) else np.nan


def exact_zeros(H):
    values = np.linalg.eigvalsh(H)
    if values[0] < 0 < values[-1]:
        return 0
    if 0 in values:
        return np.nan
    return 1 if values[0] > 0 else -1


def any_zero_is_silent(H):
    down, zero, up = SOLUTIONS["H8.1"](H)
    if zero:
        return np.nan
    return 0 if down and up else 1 if up else -1


def zero_counts_as_up(H):
    down, _, up = SOLUTIONS["H8.1"](H)
    return 0 if down and up else -1 if down else 1


def swapped(H):
    found = by_the_ends(H)
    return found if found is None else -found


def by_determinant(H):
    det = np.linalg.det(H)
    if abs(det) < 1e-9:
        return np.nan
    return 0 if det < 0 else np.sign(H[0, 0])


def always_saddle(H):
    return by_the_ends(H) or 0


WRONG: list[tuple[str, Callable, str]] = [
    ("H8.1", lambda H: signs_of(np.diag(H)), "diagonal"),
    ("H8.1", lambda H: signs_of(H), "entries of H"),
    ("H8.1", lambda H: SOLUTIONS["H8.1"](H)[::-1], "negative, zero, positive"),
    ("H8.1", lambda H: signs_of(np.linalg.eigvalsh(H)), "missed a zero"),
    ("H8.1", lambda H: signs_of(np.linalg.eigvalsh(H), 1e9), "too many zeros"),
    ("H8.1", lambda H: SOLUTIONS["H8.1"](H)[0], "shape"),
    ("H8.2", newton(lambda g, H: np.linalg.solve(H, g)), "wrong way"),
    ("H8.2", newton(lambda g, H: -0.1 * g), "gradient descent"),
    ("H8.2", newton(free, 50), "saddle-free"),
    ("H8.2", newton(lambda g, H: -np.linalg.solve(H, g), 1), "one step only"),
    ("H8.2", frozen, "H of the start"),
    ("H8.2", loose, "still|one step only"),
    ("H8.2", stays, "does not move"),
    ("H8.3", lambda g, H: -np.linalg.solve(H, g), "Newton's step"),
    ("H8.3", lambda g, H: -np.linalg.solve(np.abs(H), g), "entries of H"),
    ("H8.3", lambda g, H: -free(g, H), "sign is flipped"),
    ("H8.3", lambda g, H: -g / np.abs(np.diag(H)), "diagonal"),
    ("H8.3", lambda g, H: -g, "no bend is used"),
    ("H8.3", transposed, "transposed"),
    ("H8.3", in_the_frame, "Go back"),
    ("H8.3", multiplied, "multiply by |H|"),
    ("H8.3", signs_lost, "lost their signs"),
    ("H8.3", clipped, "should double"),
    ("H8.3", lambda g, H: 0.5 * free(g, H), "should go to 0"),
    ("H8.4", by_diagonal, "diagonal"),
    ("H8.4", exact_zeros, "Rounding"),
    ("H8.4", any_zero_is_silent, "Not silent"),
    ("H8.4", zero_counts_as_up, "Rounding|monkey"),
    ("H8.4", swapped, "swapped"),
    ("H8.4", by_determinant, "one sign|bends go down|Not silent|swapped"),
    ("H8.4", always_saddle, "silent"),
]


@pytest.mark.parametrize(("id", "answer", "help_"), WRONG)
def test_wrong_answer_is_told_what_is_wrong(id: str, answer: Callable, help_: str) -> None:
    for seed in range(25):
        found = ask(id, answer, seed)
        assert found.status == "wrong"
        assert any(part in found.message for part in help_.split("|")), f"seed {seed}: {found}"
