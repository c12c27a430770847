"""Exercises G4.x: other right answers pass, plausible slips are named."""

from typing import Any

import autograd.numpy as np
import pytest
from exercise_cases import ask, failures

from secondorder import derivative, gradient, quadric

SEEDS = 40


def ray(f: Any, x: Any) -> Any:
    g = gradient(f, x)
    return lambda alpha: f(x - alpha * g)


def by_simulation(eta: Any, bends: Any) -> Any:
    start = np.ones(bends.size)
    return [abs(after) for after in start - eta * bends * start]


def matrix(grad: Any, x: Any) -> Any:
    """The Hessian of a quadratic, from differences of its gradient."""
    return np.array([grad(x + e) - grad(x) for e in np.eye(x.size)])


def from_eigenvalues(grad: Any, x: Any) -> Any:
    return 2 / np.linalg.eigvalsh(matrix(grad, x))[-1]


def from_powers(grad: Any, x: Any) -> Any:
    v, origin = np.linspace(1.0, 2.0, x.size), grad(x)
    for _ in range(500):
        v = grad(x + v / np.linalg.norm(v)) - origin
    return 2 / np.linalg.norm(v)


def golden(f: Any, x: Any) -> Any:
    phi, lo, hi, share = ray(f, x), 0.0, 1e-3, (np.sqrt(5) - 1) / 2
    while phi(hi) < phi(hi / 2):
        hi = 2 * hi
    while hi - lo > 1e-9 * hi + 1e-9:
        a, b = hi - share * (hi - lo), lo + share * (hi - lo)
        lo, hi = (lo, b) if phi(a) < phi(b) else (a, hi)
    return (lo + hi) / 2


def newton_from_the_grid(f: Any, x: Any) -> Any:
    phi = ray(f, x)
    tried = np.logspace(-4, 3, 400)
    heights = [phi(alpha) for alpha in tried]
    alpha = tried[int(np.argmin(heights))]
    for _ in range(8):
        alpha = alpha - derivative(phi, alpha) / derivative(phi, alpha, order=2)
    return alpha


def by_difference(f: Any, x: Any) -> Any:
    g = gradient(f, x)
    bend = g @ (gradient(f, x + g) - gradient(f, x - g)) / 2
    return g @ g / bend if bend > 1e-12 * (g @ g) else None


OTHER_RIGHT = [
    ("G4.1", by_simulation),
    ("G4.1", lambda eta, bends: np.maximum(1 - eta * bends, eta * bends - 1)),
    ("G4.1", lambda eta, bends: np.sqrt((1 - eta * bends) ** 2)),
    ("G4.2", from_eigenvalues),
    ("G4.2", from_powers),
    ("G4.2", lambda grad, x: 0.995 * from_eigenvalues(grad, x)),
    ("G4.3", golden),
    ("G4.3", newton_from_the_grid),
    ("G4.4", lambda f, x: quadric(f, x).step_along(-gradient(f, x))),
    ("G4.4", by_difference),
]


@pytest.mark.parametrize(("id", "answer"), OTHER_RIGHT)
def test_other_right_answers_are_right(id: str, answer: Any) -> None:
    assert failures(id, answer, SEEDS) == []


def judged_after(steps: int, overflow_settles: bool = False) -> Any:
    def longest(grad: Any, x: Any) -> Any:
        def explodes(eta: float) -> bool:
            z = x
            for _ in range(steps):
                z = z - eta * grad(z)
            before, after = np.linalg.norm(grad(x)), np.linalg.norm(grad(z))
            return bool(after > before or (np.isnan(after) and not overflow_settles))

        lo, hi = 1e-3, 50.0
        while hi / lo > 1.001:
            middle = np.sqrt(lo * hi)
            lo, hi = (lo, middle) if explodes(middle) else (middle, hi)
        return lo

    return longest


def test_a_run_judged_after_many_steps_is_right() -> None:
    assert failures("G4.2", judged_after(500), 5) == []


def test_an_overflow_taken_for_settled_is_told() -> None:
    assert "overflow" in ask("G4.2", judged_after(500, overflow_settles=True)).message


def noise_against_noise(grad: Any, x: Any) -> Any:
    eta = 1e-3
    while True:
        z = x
        for _ in range(400):
            before, z = z, z - 2 * eta * grad(z)
        if not np.linalg.norm(grad(z)) < np.linalg.norm(grad(before)):
            return eta
        eta = 2 * eta


def jump(f: Any, x: Any) -> Any:
    g = gradient(f, x)
    return g @ g / (g @ quadric(f, x).bend @ g)


def no_check(factor: float, power: float = 1.0) -> Any:
    def answer(f: Any, x: Any) -> Any:
        g, H = gradient(f, x), quadric(f, x).bend
        bend = g @ H @ g
        if bend <= 0:
            raise ValueError("no bottom")
        return factor * (g @ g) ** power / bend

    return answer


def only_bowls(f: Any, x: Any) -> Any:
    m = quadric(f, x)
    if m.shape() != "bowl":
        raise ValueError("no bowl")
    return m.step_along(-m.slope)


def axes_only(f: Any, x: Any) -> Any:
    m = quadric(f, x)
    bend = m.slope @ (np.diag(m.bend) * m.slope)
    if m.slope @ m.bend @ m.slope <= 0:
        raise ValueError("no bottom")
    return m.slope @ m.slope / bend


def from_heights(f: Any, x: Any) -> Any:
    phi, h = ray(f, x), 1e-4
    slope, bend = (phi(h) - phi(-h)) / (2 * h), (phi(h) - 2 * phi(0.0) + phi(-h)) / h**2
    if bend < -1e-3:
        raise ValueError("no bottom")
    return -slope / (bend + 1e-9)


WRONG = [
    ("G4.1", lambda eta, bends: 1 - eta * bends, "keep the sign"),
    ("G4.1", lambda eta, bends: (1 - eta * bends) ** 2, "no square"),
    ("G4.1", lambda eta, bends: abs(1 - eta / bends), "divide by the bend"),
    ("G4.1", lambda eta, bends: abs(1 - 2 * eta * bends), "Twice the step"),
    ("G4.1", lambda eta, bends: abs(1 - eta * bends / 2), "Half the step"),
    ("G4.1", lambda eta, bends: 1 + eta * bends, "uphill"),
    ("G4.1", lambda eta, bends: eta * bends, "is left"),
    ("G4.1", lambda eta, bends: np.exp(-eta * bends), "tiny steps"),
    ("G4.1", lambda eta, bends: np.maximum(1 - eta * bends, 0), "other side"),
    ("G4.1", lambda eta, bends: np.abs(1 - eta) * np.ones(bends.size), "ignores the bends"),
    ("G4.2", lambda grad, x: from_eigenvalues(grad, x) / 2, "twice as far"),
    ("G4.2", lambda grad, x: 2 / np.linalg.eigvalsh(matrix(grad, x))[0], "flattest direction"),
    (
        "G4.2",
        lambda grad, x: 2 / np.sum(np.linalg.eigvalsh(matrix(grad, x))[[0, -1]]),
        "best step",
    ),
    ("G4.2", judged_after(3), "Judge after more steps"),
    ("G4.2", judged_after(20), "Judge after more steps"),
    ("G4.2", noise_against_noise, "every run still settles"),
    ("G4.2", lambda grad, x: 0.97 * from_eigenvalues(grad, x), "every run still settles"),
    ("G4.2", lambda grad, x: -from_eigenvalues(grad, x), "must be positive"),
    ("G4.3", jump, "parabola at x"),
    ("G4.3", lambda f, x: -golden(f, x), "uphill"),
    ("G4.3", lambda f, x: golden(f, x) / 2, "still falls"),
    ("G4.3", lambda f, x: 1.3 * golden(f, x), "rises again"),
    ("G4.3", lambda f, x: golden(f, x) * length(gradient(f, x)), "factor of g"),
    ("G4.3", lambda f, x: x - golden(f, x) * gradient(f, x), "wanted one number"),
    ("G4.3", lambda f, x: 0.0, "stay where you are"),
    ("G4.4", jump, "Raise a ValueError"),
    ("G4.4", no_check(-1), "uphill"),
    ("G4.4", no_check(0.5), "half the way"),
    ("G4.4", no_check(2), "twice as far"),
    ("G4.4", no_check(1, 0.5), "took the length"),
    ("G4.4", no_check(1, 1.5), "factor of g"),
    ("G4.4", only_bowls, "Only that bend counts"),
    ("G4.4", axes_only, "mixed terms"),
    ("G4.4", from_heights, "straight line"),
    ("G4.4", lambda f, x: no_check(1)(f, x) ** -1 if jump(f, x) else 0, "Upside down"),
]


def length(v: Any) -> Any:
    return np.linalg.norm(v)


@pytest.mark.parametrize(("id", "answer", "fragment"), WRONG)
def test_a_plausible_slip_is_named(id: str, answer: Any, fragment: str) -> None:
    for seed in range(15):
        got = ask(id, answer, seed)
        assert got.status == "wrong"
        assert fragment in got.message


def test_one_factor_for_many_axes_is_told() -> None:
    worst = lambda eta, bends: np.max(np.abs(1 - eta * bends))
    assert "axes has a factor of its own" in ask("G4.1", worst).message
    spread = lambda eta, bends: worst(eta, bends) * np.ones(bends.size)
    assert "worst factor" in ask("G4.1", spread).message


def test_a_jump_backwards_to_a_top_is_told() -> None:
    def bowl_only(f: Any, x: Any) -> Any:
        alpha = jump(f, x)
        return alpha if alpha < 0 else golden(f, x)

    for seed in range(15):
        assert "backwards, to a top" in ask("G4.3", bowl_only, seed).message
