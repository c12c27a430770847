"""Checks of the settings of methods: each names the setting, what it was and its range."""

from __future__ import annotations

from collections.abc import Iterable

from .._inputs import as_floats, describe


def need_positive(name: str, value: float) -> float:
    """Return a setting as a float above 0."""
    return need_between(name, value, 0, float("inf"), open_start=True)


def need_between(
    name: str, value: float, least: float, below: float, *, open_start: bool = False
) -> float:
    """Return a setting as a float in [least, below), or (least, below) with `open_start`."""
    number = as_floats(name, value)
    if number.ndim or number >= below or number < least or (open_start and number == least):
        above = "above" if open_start else "from"
        until = "on" if below == float("inf") and not open_start else f"up to, but not, {below:g}"
        span = f"{above} {least:g}" + ("" if below == float("inf") and open_start else f" {until}")
        raise ValueError(f"{name} must be one number {span}, got {describe(value)}")
    return float(number)


def need_choice(name: str, value: str, choices: Iterable[str]) -> str:
    """Return a setting that is one of a few words."""
    if value not in (words := list(choices)):
        raise ValueError(f"{name} must be one of {words}, got {describe(value)}")
    return value
