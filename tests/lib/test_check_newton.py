"""Exercises H10.x: other right answers pass, plausible wrong answers get help."""

from __future__ import annotations

from collections.abc import Callable

import autograd.numpy as np
import pytest
from exercise_cases import ask, failures, solution
from scipy.optimize import brentq

SOLUTIONS = {id: solution(id) for id in ("H10.1", "H10.2", "H10.3", "H10.4", "H10.5")}


# ── other right answers ───────────────────────────────────────────────────────────────────────────


def by_inverse(grad, hess, x, steps):
    points = np.empty((steps + 1, x.size))
    points[0] = x
    for k in range(steps):
        points[k + 1] = points[k] - np.linalg.inv(hess(points[k])) @ grad(points[k])
    return points


def recursive(grad, hess, x, steps):
    if steps == 0:
        return [x]
    return [x, *recursive(grad, hess, x + np.linalg.solve(hess(x), -grad(x)), steps - 1)]


def step_mapped_back(g, H, A):
    return np.linalg.solve(A, np.linalg.solve(H, -g))


def by_eigenvalues(g, H, damping):
    values, Q = np.linalg.eigh(H)
    return None if values[0] + damping <= 0 else -Q @ ((Q.T @ g) / (values + damping))


def by_cholesky(g, H, damping):
    try:
        L = np.linalg.cholesky(H + damping * np.eye(g.size))
    except np.linalg.LinAlgError as error:
        raise ValueError("no bowl") from error
    return np.linalg.solve(L.T, np.linalg.solve(L, -g))


def through_the_inverse(B, s, y):
    if y @ s <= 0:
        return None
    rho = 1 / (y @ s)
    E = np.eye(s.size) - rho * np.outer(s, y)
    return np.linalg.inv(E @ np.linalg.inv(B) @ E.T + rho * np.outer(s, s))


def by_root(g, H, radius):
    values, Q = np.linalg.eigh(H)
    c = Q.T @ g
    length = lambda lam: np.linalg.norm(c / (values + lam))
    low = max(0.0, -values[0])
    if values[0] > 0 and length(0.0) <= radius:
        return -Q @ (c / values)
    low += 1e-12 if values[0] <= 0 else 0
    lam = brentq(lambda z: 1 / length(z) - 1 / radius, low, low + np.linalg.norm(g) / radius + 1)
    return -Q @ (c / (values + lam))


@pytest.mark.parametrize(
    ("id", "answer"),
    [
        ("H10.1", by_inverse),
        ("H10.1", recursive),
        ("H10.2", step_mapped_back),
        ("H10.3", by_eigenvalues),
        ("H10.3", by_cholesky),
        ("H10.4", through_the_inverse),
        ("H10.5", by_root),
    ],
)
def test_other_right_answers_are_right(id: str, answer: Callable) -> None:
    assert failures(id, answer, 100) == []


# ── plausible wrong answers, each with the words that must help ───────────────────────────────────


def run(step):
    """All the points of a run whose step is given by (g, H)."""

    def answer(grad, hess, x, steps):
        points = [x]
        for _ in range(steps):
            points.append(points[-1] + step(grad(points[-1]), hess(points[-1])))
        return np.array(points)

    return answer


def frozen(grad, hess, x, steps):
    points, H = [x], hess(x)
    for _ in range(steps):
        points.append(points[-1] - np.linalg.solve(H, grad(points[-1])))
    return np.array(points)


def repeated(grad, hess, x, steps):
    p = -np.linalg.solve(hess(x), grad(x))
    return np.array([x + k * p for k in range(steps + 1)])


def not_stored(grad, hess, x, steps):
    return np.array([x] * (steps + 1))


def without_the_start(grad, hess, x, steps):
    return SOLUTIONS["H10.1"](grad, hess, x, steps)[1:]


def last_only(grad, hess, x, steps):
    return SOLUTIONS["H10.1"](grad, hess, x, steps)[-1]


def in_place(grad, hess, x, steps):
    points = [x.copy()]
    for _ in range(steps):
        x -= np.linalg.solve(hess(x), grad(x))
        points.append(x.copy())
    return np.array(points)


def damped(matrix):
    """A damped step that refuses as it should, with another matrix."""

    def answer(g, H, damping):
        SOLUTIONS["H10.3"](g, H, damping)
        return np.linalg.solve(matrix(H, damping), -g)

    return answer


def update(new):
    """An update that refuses as it should, with another matrix of (B, s, y)."""

    def answer(B, s, y):
        SOLUTIONS["H10.4"](B, s, y)
        return new(B, s, y)

    return answer


def taken_out(B, s, y):
    return B - np.outer(B @ s, B @ s) / (s @ B @ s)


def put_in(B, s, y):
    return np.outer(y, y) / (s @ y)


def dfp(B, s, y):
    E = np.eye(s.size) - np.outer(y, s) / (s @ y)
    return E @ B @ E.T + put_in(B, s, y)


def of_the_inverse(B, s, y):
    E = np.eye(s.size) - np.outer(s, y) / (s @ y)
    return E @ B @ E.T + np.outer(s, s) / (s @ y)


def rank_one(B, s, y):
    short = y - B @ s
    return B + np.outer(short, short) / (short @ s)


def broyden(B, s, y):
    return B + np.outer(y - B @ s, s) / (s @ s)


def from_scratch(B, s, y):
    return SOLUTIONS["H10.4"](np.eye(s.size), s, y)


def cut(g, H, radius):
    p = np.linalg.solve(H, -g)
    return p * min(1.0, radius / np.linalg.norm(p))


def straight_down(g, H, radius):
    return -g * radius / np.linalg.norm(g)


def cauchy(g, H, radius):
    bend = g @ H @ g
    longest = radius / np.linalg.norm(g)
    return -g * (min(g @ g / bend, longest) if bend > 0 else longest)


def always_on_the_boundary(g, H, radius):
    values, Q = np.linalg.eigh(H)
    length = lambda lam: np.linalg.norm((Q.T @ g) / (values + lam))
    low = 1e-9 - values[0]
    lam = brentq(lambda z: 1 / length(z) - 1 / radius, low, 1e6)
    return -Q @ ((Q.T @ g) / (values + lam))


def too_much_damping(g, H, radius):
    lam = max(0.0, -np.linalg.eigvalsh(H)[0]) + np.linalg.norm(g) / radius
    return np.linalg.solve(H + lam * np.eye(g.size), -g)


def flipped_bends(g, H, radius):
    values, Q = np.linalg.eigh(H)
    return SOLUTIONS["H10.5"](g, (Q * np.abs(values)) @ Q.T, radius)


WRONG: list[tuple[str, Callable, str]] = [
    ("H10.1", frozen, "H of the start|diagonal|digits do not double"),
    ("H10.1", repeated, "repeat the first step"),
    ("H10.1", not_stored, "does not move"),
    ("H10.1", without_the_start, "shape"),
    ("H10.1", last_only, "shape"),
    ("H10.1", in_place, "changes its argument"),
    ("H10.1", run(lambda g, H: np.linalg.solve(H, g)), "wrong way"),
    ("H10.1", run(lambda g, H: -0.9 * np.linalg.solve(H, g)), "double|constant"),
    ("H10.1", run(lambda g, H: -0.2 * g), "double|constant"),
    ("H10.2", lambda g, H, A: np.linalg.solve(H, -g), "step in x"),
    ("H10.2", lambda g, H, A: A @ np.linalg.solve(H, -g), "multiply the step by A."),
    ("H10.2", lambda g, H, A: A.T @ np.linalg.solve(H, -g), "Gradients turn that way"),
    ("H10.2", lambda g, H, A: np.linalg.solve(A.T @ H @ A, -g), "gradient still that of x"),
    ("H10.2", lambda g, H, A: np.linalg.solve(H, -A.T @ g), "Hessian still that of x"),
    ("H10.2", lambda g, H, A: np.linalg.solve(A @ H @ A.T, -A @ g), "A is transposed"),
    ("H10.2", lambda g, H, A: np.linalg.solve(A.T @ H @ A, -A @ g), "with the transpose"),
    ("H10.2", lambda g, H, A: -SOLUTIONS["H10.2"](g, H, A), "sign is flipped"),
    ("H10.2", lambda g, H, A: -A.T @ g, "divides by the bend"),
    ("H10.2", lambda g, H, A: 0.5 * SOLUTIONS["H10.2"](g, H, A), "misses the bottom"),
    ("H10.2", lambda g, H, A: A, "shape"),
    ("H10.3", lambda g, H, d: np.linalg.solve(H + d * np.eye(g.size), -g), "refuse it"),
    ("H10.3", damped(lambda H, d: H), "without the damping|Singular"),
    ("H10.3", damped(lambda H, d: H + d), "every entry"),
    ("H10.3", damped(lambda H, d: H - d * np.eye(len(H))), "subtract"),
    ("H10.3", damped(lambda H, d: H + d * np.diag(np.diag(H))), "scale the diagonal"),
    ("H10.3", damped(lambda H, d: (1 + d) * H), "also turns it"),
    ("H10.3", damped(lambda H, d: d * np.eye(len(H))), "Where is H"),
    ("H10.3", lambda g, H, d: -SOLUTIONS["H10.3"](g, H, d), "sign is flipped"),
    ("H10.3", lambda g, H, d: -(H + d * np.eye(g.size)) @ g, "multiply by"),
    ("H10.3", lambda g, H, d: -np.linalg.solve(H, g) / (1 + d), "also turns it|Singular"),
    ("H10.4", update(lambda B, s, y: B), "unchanged"),
    ("H10.4", update(lambda B, s, y: B + put_in(B, s, y)), "did not take out"),
    ("H10.4", update(taken_out), "put nothing in"),
    ("H10.4", update(lambda B, s, y: 2 * B - taken_out(B, s, y) - put_in(B, s, y)), "other's sign"),
    (
        "H10.4",
        update(lambda B, s, y: taken_out(B, s, y) + np.outer(y, y) / (y @ y)),
        "multiple of y",
    ),
    ("H10.4", update(lambda B, s, y: taken_out(B, s, y) + np.outer(s, s) / (s @ y)), "s sᵀ"),
    ("H10.4", update(of_the_inverse), "updates the inverse"),
    ("H10.4", update(dfp), "DFP"),
    ("H10.4", update(rank_one), "rank-one"),
    ("H10.4", update(broyden), "not symmetric"),
    ("H10.4", update(from_scratch), "det|say nothing about"),
    ("H10.4", lambda B, s, y: taken_out(B, s, y) + put_in(B, s, y), "refuse it"),
    ("H10.5", lambda g, H, radius: np.linalg.solve(H, -g), "leaves the ball"),
    ("H10.5", cut, "cut Newton's step"),
    ("H10.5", straight_down, "straight along"),
    ("H10.5", cauchy, "straight along|No λ"),
    ("H10.5", always_on_the_boundary, "negative λ|sign"),
    ("H10.5", too_much_damping, "shorter than the ball"),
    ("H10.5", flipped_bends, "No λ|no bowl"),
    ("H10.5", lambda g, H, radius: -SOLUTIONS["H10.5"](g, H, radius), "No λ|negative|no bowl"),
    ("H10.5", lambda g, H, radius: 0 * g, "step is 0"),
]


@pytest.mark.parametrize(("id", "answer", "help_"), WRONG)
def test_wrong_answer_is_told_what_is_wrong(id: str, answer: Callable, help_: str) -> None:
    for seed in range(25):
        found = ask(id, answer, seed)
        assert found.status == "wrong"
        assert any(part in found.message for part in help_.split("|")), f"seed {seed}: {found}"
