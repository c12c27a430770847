"""The machinery of exercises: a check sees what is wrong, says so in words, and never crashes."""

import functools
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondorder import check
from secondorder.check import _exercise
from secondorder.check._exercise import (
    EXERCISES,
    Asked,
    Exercise,
    Verdict,
    Wrong,
    at,
    biggest,
    exercise,
    is_untouched,
    numbers,
    same,
)

HINTS = ("look", "look again", "look here")


def doubled(ask, rng):
    x = rng.normal(size=3)
    same(ask(x, shape=(3,)), 2 * x, "Twice x", (x,))


def sum_of_two(a, b, rng):
    same(numbers(a, ()) + numbers(b, ()), 3.0, "The sum")


DOUBLE = Exercise("T1.1", "Double", HINTS, doubled)
VALUES = Exercise("T1.2", "Two numbers", HINTS, sum_of_two, values=True)


# ── untouched stubs ───────────────────────────────────────────────────────────────────────────────


def with_dots(f, x, h): ...


def with_comment(f, x, h): ...  # your code here


def with_docstring(f, x):
    """Return something."""


def with_docstring_and_dots(f, x):
    """Return something."""
    ...


def with_pass(f, x, *more, y=1, **rest):
    pass


def with_bare_return(f):
    return


def returns_dots(f):
    return ...


def in_a_closure():
    outside = 1

    def stub(x): ...

    def stub_of_outside(x):
        if False:
            return outside

    return stub, stub_of_outside


def makes_a_stub(f):
    """Return a function."""

    def inner(x): ...  # your code here

    return inner


def makes_a_lambda(f):
    def inner(x, f=None):
        return lambda: ...

    return inner


UNTOUCHED = [
    *(..., with_dots, with_comment, with_docstring, with_docstring_and_dots, with_pass),
    *(with_bare_return, returns_dots, lambda x: ..., lambda: None, in_a_closure()[0]),
    makes_a_stub,
    makes_a_lambda,
]


@pytest.mark.parametrize("stub", UNTOUCHED)
def test_an_untouched_stub_is_not_written_yet(stub) -> None:
    assert is_untouched(stub)
    for verdict in (DOUBLE(stub), VALUES(1.0, stub)):
        assert verdict.status == "not written yet" and not verdict.ok
        assert repr(verdict) == f"{verdict.exercise}: not written yet"


def identity(x):
    return x


def with_local(x):
    y = x  # noqa: F841


def forgets(x):
    x + 1


def generator(x):
    yield


async def coroutine(x): ...


def returns_argument_of_inner(f):
    def inner(x):
        return x

    return inner


def returns_f_beside_inner(f):
    def inner(x): ...

    return f


def returns_zero(x):
    return 0


class Callable:
    def __call__(self, x): ...


@pytest.mark.parametrize(
    "answer",
    [
        *(identity, with_local, generator, coroutine, returns_zero, returns_argument_of_inner),
        *(returns_f_beside_inner, Callable(), Callable, functools.partial(with_dots, 1)),
        *(np.sin, len, None, 0, "...", [], np.zeros(2), lambda x: (), lambda x: [...]),
    ],
)
def test_anything_else_is_an_answer(answer) -> None:
    assert not is_untouched(answer)


def test_no_answer_at_all_is_not_written_yet() -> None:
    assert DOUBLE().status == "not written yet"


# ── verdicts ──────────────────────────────────────────────────────────────────────────────────────


def test_a_right_answer() -> None:
    verdict = DOUBLE(lambda x: 2 * x)
    assert verdict.ok and repr(verdict) == "T1.1: right" and verdict.status == "right"
    assert verdict == Verdict("T1.1", "right", "right")
    assert VALUES(1.0, 2.0).ok and VALUES(np.float32(1), 2).ok


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (forgets, "returned None (called with [0.1257, -0.1321, 0.6404]). Is there a return?"),
        (lambda x: -2 * x, "Twice x is off (tried at [0.1257, -0.1321, 0.6404]): the sign is flip"),
        (lambda x: 1 * x, "it is half of what it should be"),
        (lambda x: 4 * x, "it is twice what it should be"),
        (lambda x: 2 * x + [0, 0, 1], "the first entry that fails is [2]"),
        (lambda x: x[:2], "has shape (2,), wanted shape (3,)"),
        (lambda x: 2.0, "has shape (), wanted shape (3,)"),
        (lambda x: 2 * x[:, None], "has shape (3, 1), wanted shape (3,)"),
        (lambda x: x * np.nan, "nan or infinite (called with"),
        (lambda x: x * np.inf, "nan or infinite"),
        (lambda x: [None, 1.0, 2.0], "nan or infinite"),
        (lambda x: "abc", "must be numbers, got str"),
        (lambda x: ["1", "2", "3"], "must be numbers, got list"),
        (lambda x: 2j * x, "must be numbers, got ndarray"),
        (lambda x: [[1.0], 2.0, 3.0], "must be numbers, got list"),
        (lambda x: [..., 1.0, 1.0], "must be numbers, got list"),
        (lambda x: {"a": 1}, "must be numbers, got dict"),
        (lambda x: [10**400] * 3, "must be numbers, got list"),
        (lambda x: x.no, "Your function raised AttributeError: "),
        (lambda: 1, "Your function raised TypeError: "),
        (lambda x: 1 / 0, "raised ZeroDivisionError: division by zero (called with ["),
        (lambda x: exit(), "raised SystemExit"),
        (3.0, "Pass the function itself, without calling it."),
        (np.zeros(3), "Pass the function itself, without calling it."),
        (None, "Pass the function itself"),
        ("lambda x: 2 * x", "Pass the function itself"),
        (Callable, "raised TypeError"),
        (generator, "must be numbers, got generator"),
        (lambda x: identity, "must be numbers, got function"),
    ],
)
def test_what_is_wrong_is_said_in_words(answer, words) -> None:
    verdict = DOUBLE(answer, rng=np.random.default_rng(0))
    assert verdict.status == "wrong" and not verdict.ok
    assert verdict.message.startswith("not yet. ") and words in repr(verdict)


def test_matrices_are_seen_transposed() -> None:
    A = np.arange(6.0).reshape(2, 3)

    def wide(ask, rng):
        same(ask(1.0, shape=(2, 3)), A, "A")

    def square(ask, rng):
        same(ask(1.0, shape=(2, 2)), A[:, :2], "A")

    assert "(3, 2) where (2, 3) is wanted: it is transposed" in repr(
        Exercise("T", "", HINTS, wide)(lambda t: A.T)
    )
    assert "A is off: it is transposed" in repr(
        Exercise("T", "", HINTS, square)(lambda t: A[:, :2].T)
    )
    with pytest.raises(Wrong, match=r"shape \(3, 2\) where \(2, 3\) is wanted"):
        same(A.T, A, "A")
    with pytest.raises(Wrong, match=r"first entry that fails is \[1, 0\]"):
        same(A + np.array([[0, 0, 0], [1, 0, 0]]), A, "A")


def test_one_number_is_shown_and_the_wanted_one_is_not() -> None:
    with pytest.raises(Wrong, match=r"^It is off: you return 1\.5\.$"):
        same(1.5, 7.25, "It")
    same(1.0 + 1e-9, 1.0, "It")
    with pytest.raises(Wrong, match=r"fails is \[1\]"):
        same([1.0, np.nan], [1.0, 2.0], "It")


class Nasty:
    """An object that answers nothing well."""

    __name__ = 7

    def __getattr__(self, name):
        raise RuntimeError("no")

    def __repr__(self):
        raise RuntimeError("no")

    __str__ = __repr__
    __array__ = __len__ = __float__ = __iter__ = __eq__ = __hash__ = lambda self, *a: self.no


class NastyError(Exception):
    __str__ = __repr__ = lambda self: 1 / 0


def throws_nasty(*_):
    raise NastyError


def recurses(*args):
    return recurses(*args)


WEIRD = [
    *(None, 0, 1.6, 1j, "x", b"x", [], {}, set(), object(), Nasty(), Nasty, type, np, NastyError),
    *(
        np.array(None),
        np.array([None, "a"], object),
        np.zeros((0, 3)),
        np.ma.masked,
        NotImplemented,
    ),
    *(throws_nasty, recurses, lambda *a: Nasty(), lambda *a: a, lambda *a: np.array("x"), print),
    *(
        lambda *a: sys.exit(3),
        lambda *a: iter(()),
        lambda *a: lambda: 1,
        float("nan"),
        np.float32(1),
    ),
    *(lambda *a: a[0].resize(9), lambda *a: [a] * 3, exit, eval, generator, np.linalg.inv),
    *(lambda **k: 1, lambda x, /, *, y: 1, np.datetime64("2020"), range(3), memoryview(b"abc")),
]


@pytest.mark.parametrize("answer", WEIRD, ids=lambda a: type(a).__name__)
def test_nothing_crashes_a_check(answer, capsys) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for verdict in (DOUBLE(answer), VALUES(answer, answer), VALUES(answer), DOUBLE(answer, 1)):
            assert verdict.status == "wrong" and repr(verdict)


@pytest.mark.parametrize("id", sorted(EXERCISES))
@pytest.mark.parametrize("answer", [None, 1.0, "x", Nasty(), throws_nasty, lambda *a: Nasty()])
def test_nothing_crashes_a_check_of_the_course(id: str, answer) -> None:
    verdict = EXERCISES[id](answer)
    assert not verdict.ok and verdict.exercise == id


LEAVES = st.none() | st.floats() | st.integers() | st.text(max_size=3) | st.complex_numbers()


@given(LEAVES | st.lists(LEAVES, max_size=4) | st.lists(st.lists(LEAVES, max_size=2), max_size=3))
@settings(max_examples=50, deadline=None)
def test_nothing_returned_crashes_a_check(value) -> None:
    assert not DOUBLE(lambda x: value).ok
    assert DOUBLE(value).status == "wrong"


def test_an_interrupt_still_interrupts() -> None:
    def stop(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        DOUBLE(stop)


def test_a_broken_check_tells_and_does_not_crash() -> None:
    broken = Exercise("T", "", HINTS, lambda ask, rng: 1 / 0)
    assert "could not use your answer: ZeroDivisionError: division by zero" in repr(
        broken(identity)
    )
    exits = Exercise("T", "", HINTS, lambda ask, rng: throws_nasty())
    assert "NastyError: …" in repr(exits(identity))


def test_points_are_fresh_and_can_be_fixed() -> None:
    seen = []
    look = Exercise("T", "", HINTS, lambda ask, rng: seen.append(rng.normal()))
    for rng in (None, None, np.random.default_rng(3), np.random.default_rng(3)):
        assert look(identity, rng=rng).ok
    assert seen[0] != seen[1] and seen[2] == seen[3]


# ── the reader's function, called with care ───────────────────────────────────────────────────────


def tiny_change(x):
    x[0] = np.nextafter(x[0], 2)
    return 1.0


def change_of_scale(x):
    x *= 1 + 1e-12
    return 1.0


def change_and_fail(x):
    x += 1
    return None


@pytest.mark.parametrize("f", [tiny_change, change_of_scale, change_and_fail])
def test_the_smallest_change_of_an_argument_is_seen(f) -> None:
    x = np.array([1.0, 2.0])
    for call in (Asked(f), Asked(f).raw):
        with pytest.raises(Wrong, match="changes its argument"):
            call(x)
        assert x.tolist() == [1.0, 2.0]
    Asked(f).refuses(x)
    assert x.tolist() == [1.0, 2.0]


def test_a_nan_in_an_argument_is_no_change() -> None:
    assert Asked(lambda x: 1.0)(np.array([np.nan, 1.0])) == 1.0


def test_other_arguments_are_passed_as_they_are() -> None:
    def f(x):
        return x

    assert Asked(lambda g, n: g is f and n == 3).raw(f, 3) is True
    assert type(Asked(lambda: np.array(2))()) is float
    assert Asked(lambda: [[1, 2]])(shape=None).tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize("value", [None, np.nan, np.inf, [1.0, np.nan]])
def test_to_decline_is_to_return_nothing(value) -> None:
    assert Asked(lambda: value).refuses() is True


def test_to_decline_is_to_raise_a_value_error() -> None:
    def declines(x):
        raise ValueError("no")

    assert Asked(declines).refuses(1.0) is True
    for value in (1.0, "no", [1.0, 2.0], object(), Nasty()):
        assert Asked(lambda value=value: value).refuses() is False
    for fails in (lambda: 1 / 0, lambda: sys.exit(), throws_nasty):
        with pytest.raises(Wrong, match="It should refuse this with a ValueError, but it raised"):
            Asked(fails).refuses()


def test_arguments_are_written_so_that_they_can_be_repeated() -> None:
    f = lambda x: x
    args = (np.sin, f, Callable(), 1.23456789, 3, np.float32(0.5), np.array(2.0), np.arange(2.0))
    assert at(args) == "sin, f, Callable, 1.235, 3, 0.5, 2.0, [0.0, 1.0]"
    assert at((np.eye(2), np.zeros((1, 2, 1)), np.array(["a"]))) == (
        "[[1.0, 0.0], [0.0, 1.0]], [[[0.0], [0.0]]], [a]"
    )
    assert at((np.zeros(7), "text", None)) == "array of shape (7,), str, NoneType"
    assert biggest([[-3.0, 1.0]]) == 3.0


# ── nothing a reader's cell does to numpy changes a verdict ───────────────────────────────────────


def test_replacing_numpys_functions_changes_no_verdict(monkeypatch) -> None:
    wrong, right = lambda x: 2.5 * x, lambda x: 2 * x

    def yes(*args, **kwargs):
        return True

    for name in ("allclose", "all", "isclose", "isfinite", "array_equal", "asarray", "abs", "max"):
        monkeypatch.setattr(np, name, yes)
    assert not DOUBLE(wrong).ok and DOUBLE(right).ok
    assert "changes its argument" in repr(DOUBLE(tiny_change))
    assert "nan or infinite" in repr(DOUBLE(lambda x: x * float("nan")))


def test_numpy_is_bound_by_name_only() -> None:
    assert "np" not in vars(_exercise) and "numpy" not in vars(_exercise)


# ── hints ─────────────────────────────────────────────────────────────────────────────────────────


def test_hints_come_one_two_three_three(capsys) -> None:
    hinted = Exercise("T", "", HINTS, doubled)
    for _ in range(4):
        assert hinted.hint() is None
    assert capsys.readouterr().out.splitlines() == [
        "Hint 1 of 3: look",
        "Hint 2 of 3: look again",
        "Hint 3 of 3: look here",
        "Hint 3 of 3: look here",
    ]
    Exercise("T", "", HINTS, doubled).hint()
    assert capsys.readouterr().out == "Hint 1 of 3: look\n"


def test_an_exercise_is_a_key_whatever_hints_were_given() -> None:
    hinted = Exercise("T", "", HINTS, doubled)
    hinted.hint()
    assert hinted == Exercise("T", "", HINTS, doubled) and len({hinted, DOUBLE}) == 2
    assert "_given" not in repr(hinted)


# ── the registry ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(_exercise, "EXERCISES", {})
    return _exercise.EXERCISES


def test_registering(registry) -> None:
    assert exercise("T1.1", "Double", HINTS)(doubled) is doubled
    exercise("T1.2", "Two", list(HINTS), values=True)(sum_of_two)
    assert registry["T1.1"](lambda x: 2 * x).ok and registry["T1.2"](1, 2).ok
    with pytest.raises(ValueError, match=r"exercise T1\.1 is registered twice"):
        exercise("T1.1", "Again", HINTS)(doubled)
    assert registry["T1.1"].title == "Double"


@pytest.mark.parametrize(
    "hints", [(), HINTS[:2], (*HINTS, "more"), "abc", ("a", "", "c"), (1, 2, 3)]
)
def test_three_hints_are_demanded(registry, hints) -> None:
    with pytest.raises(ValueError, match=r"hints must be three strings for T1\.1, got"):
        exercise("T1.1", "Double", hints)
    assert not registry


@pytest.mark.parametrize("id", ["", "1.1", "T 1", "T1-1"])
def test_an_id_that_is_no_name_is_refused(registry, id) -> None:
    with pytest.raises(ValueError, match=r"id must be written like D1\.1"):
        exercise(id, "Double", HINTS)


def test_every_exercise_of_the_course_is_a_name_in_check() -> None:
    for id, one in EXERCISES.items():
        assert getattr(check, id.replace(".", "_")) is one and one.id == id
        assert one.title and len(set(one.hints)) == 3 and one.test.__doc__


def test_an_unknown_exercise_is_named() -> None:
    with pytest.raises(
        AttributeError, match="there is no exercise 'Z9_9': the exercises are D1_1,"
    ):
        check.Z9_9  # noqa: B018
    assert not hasattr(check, "D1_99")
