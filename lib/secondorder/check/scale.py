"""Part V: exercises P15.x (curvature on many machines)."""

from __future__ import annotations

from typing import Any

# Bound here, at import: a reader's cell that replaces numpy's functions cannot change a verdict.
from numpy import abs as _abs
from numpy import allclose as _allclose
from numpy import array as _array
from numpy import array_equal as _array_equal
from numpy import asarray as _asarray
from numpy import concatenate as _concatenate
from numpy import log2 as _log2
from numpy import sqrt as _sqrt
from numpy.linalg import norm as _norm
from numpy.random import Generator

from .._i18n import _
from ._exercise import Asked, Wrong, biggest, exercise


class _Machines:
    """A loss that is a mean over rows, as machines see it: each knows one shard only."""

    def __init__(self, rng: Generator, sizes: tuple[int, ...], n: int) -> None:
        self.v = rng.normal(size=n)
        # Every shard has a scale of its own, so that a wrong weight cannot hide.
        self.shards = [rng.uniform(0.5, 3) * rng.normal(size=(size, n)) for size in sizes]
        self.before = [shard.copy() for shard in self.shards]
        self.asked, self.foreign = 0, False

    def product(self, shard: Any) -> Any:
        rows = _asarray(shard, dtype=float)
        self.asked += 1
        self.foreign |= not any(_array_equal(rows, known) for known in self.before)
        return self._mean(rows)

    def whole(self) -> Any:
        return self._mean(_concatenate(self.before))

    def messages(self) -> Any:
        return _array([self._mean(rows) for rows in self.before])

    def need_fair(self) -> None:
        """Raise unless each machine saw its own rows only, and they are as they were."""
        if self.foreign:
            raise Wrong(
                _(
                    "product got rows that are no machine's shard. Rows do not travel: call it on "
                    "one shard at a time."
                )
            )
        if not all(map(_array_equal, self.shards, self.before)):
            raise Wrong(_("Your function changes a shard. Work on a copy of it."))

    def _mean(self, rows: Any) -> Any:
        return rows.T @ (rows @ self.v) / len(rows)


@exercise(
    "P15.1",
    _("Unequal shards"),
    hints=(
        _("Each machine answers with a mean over its own rows. What is the sum over its rows?"),
        _(
            "A mean times the number of rows is a sum. Sums of shards add up to the sum over all "
            "rows. Then go back to a mean."
        ),
        _(
            "For each shard take product(shard), times len(shard). Add these up, and add up the "
            "lengths as well. One division at the very end."
        ),
    ),
)
def product_of_all(ask: Asked, rng: Generator) -> None:
    """The shards' answers, put together, are the answer for all rows, however they are cut."""
    for sizes in ((2, 5), (30, 3, 7), (5,), (2, 9, 1, 40), (1, 1, 12), (6, 6, 6)):
        n = int(rng.integers(2, 5))
        machines = _Machines(rng, sizes, n)
        got = ask(_named(machines.product), machines.shards, shape=(n,))
        machines.need_fair()
        want = machines.whole()
        if biggest(got - want) > 1e-8 * (1 + biggest(want)):
            _shard_slip(got, machines, sizes)
            text = _("It is off by {:.2g} of the whole product (shards of {} rows).")
            raise Wrong(text.format(float(_norm(got - want) / _norm(want)), _rows(sizes)))
        if machines.asked > 3 * len(sizes):
            raise Wrong(
                _("You call product {} times for {} shards: each machine is asked once.").format(
                    machines.asked, len(sizes)
                )
            )


def _shard_slip(got: Any, machines: _Machines, sizes: tuple[int, ...]) -> None:
    """Name the usual slips: each is another way to weigh the messages."""
    each, rows = machines.messages(), _array(sizes, dtype=float)
    total, shards = rows.sum(), len(sizes)
    slips = (
        (
            rows @ each / rows.max() if shards > 1 else 0 * got,
            _("Divide by all rows together, not by the largest shard."),
        ),
        (
            rows @ each / shards,
            _("You divide by the number of shards. The sum is over rows: how many are there?"),
        ),
        (
            each.mean(axis=0),
            _("That is the plain mean: a machine with one row counts as much as one with forty."),
        ),
        (
            each.sum(axis=0),
            _("You add means. Each is a mean over its own rows: weigh it by how many they are."),
        ),
        (
            rows @ each,
            _("That is the sum over all rows. The loss is a mean over them: divide once."),
        ),
        (
            (1 / rows) @ each / (1 / rows).sum(),
            _("The weights are upside down: a larger shard counts more, not less."),
        ),
        (
            _sqrt(rows) @ each / _sqrt(rows).sum(),
            _("You weigh by the root of the size. Sums over rows need the size itself."),
        ),
        (
            rows**2 @ each / (rows**2).sum(),
            _("The size counts twice: product is a mean over the shard, multiply it once."),
        ),
        (
            (rows / total) @ each / shards,
            _("The weights already sum to 1. You divide by the number of shards on top."),
        ),
        (each[0], _("You return the answer of the first shard only.")),
        (each[-1], _("You return the answer of the last shard only.")),
        (rows[:-1] @ each[:-1] / total if shards > 1 else got + 1, _("The last shard is missing.")),
        (rows[1:] @ each[1:] / total if shards > 1 else got + 1, _("The first shard is missing.")),
    )
    for slip, why in slips:
        if _allclose(got, slip, rtol=1e-7, atol=1e-10):
            raise Wrong(why)
    if shards > 1 and _allclose(got, -(rows @ each) / total):
        raise Wrong(_("The sign is flipped."))


def _rows(sizes: tuple[int, ...]) -> str:
    return ", ".join(map(str, sizes))


def _named(function: Any) -> Any:
    """Return the function under the name that a reader's error message can show."""

    def product(shard: Any) -> Any:
        return function(shard)

    return product


@exercise(
    "P15.2",
    _("From two measurements to many machines"),
    hints=(
        _(
            "Two unknowns, two measurements: seconds that do not shrink (a), and seconds of work "
            "that are shared (w). Write one and two with a and w."
        ),
        _(
            "one is a + w, two is a + w/2. Subtract them to get w. Then write the time on p "
            "workers, for the same work and for p times the work."
        ),
        _(
            "Both speed-ups are the time of one worker over the time of p workers, for the same "
            "work. For the second that work is p·w: one worker needs a + p·w, p workers share it."
        ),
    ),
)
def scaling(ask: Asked, rng: Generator) -> None:
    """1/strong is a line in 1/p, weak a line in p, and the same serial share fixes both."""
    for share in (0.5, 0.05, 0.9, float(rng.uniform(0.1, 0.8)), 0.0):
        one = float(rng.uniform(0.2, 30))
        fixed, work = share * one, (1 - share) * one
        two = fixed + work / 2
        for p in (1, 8, int(rng.integers(20, 2000)), 2, 3):
            strong, weak = ask(one, two, p, shape=(2,))
            _scaling_slip(strong, weak, fixed, work, p)
            if abs(1 / strong - (share + (1 - share) / p)) > 1e-6 / p:
                text = _("The speed-up of the same work is off at p = {} (one {:.3g}, two {:.3g}).")
                raise Wrong(text.format(p, one, two))
            if abs(weak - p + (p - 1) * share) > 1e-6 * p:
                text = _(
                    "The speed-up of growing work is off at p = {} (one {:.3g}, two {:.3g}): as p "
                    "grows it must be a line."
                )
                raise Wrong(text.format(p, one, two))
    for one, two, why in (
        (1.0, 1.2, _("Where two workers are slower than one, no work is shared: w would be below "
                     "0. Refuse it with a ValueError.")),
        (1.0, 0.4, _("Where two workers are more than twice as fast, a would be below 0. Refuse it "
                     "with a ValueError.")),
    ):  # fmt: skip
        if not ask.refuses(one, two, 8):
            raise Wrong(why)


def _scaling_slip(strong: float, weak: float, fixed: float, work: float, p: int) -> None:
    """Name the usual slips; each can be told from the right answer where p is 3 or more."""
    if strong <= 0 or weak <= 0:
        raise Wrong(_("A speed-up is a time over a time: it cannot be 0 or less."))
    one, two = fixed + work, fixed + work / 2
    if p == 1 and not (_near(strong, 1) and _near(weak, 1)):
        raise Wrong(_("One worker is as fast as one worker: both speed-ups are 1 at p = 1."))
    right_strong, right_weak = one / (fixed + work / p), (fixed + p * work) / one
    if p < 3 or fixed < 1e-9 * one:
        return
    if _near(strong, right_weak) and _near(weak, right_strong):
        raise Wrong(_("The order is: first the same work, then the work that grows with p."))
    slips_strong = (
        (1 / right_strong, _("You return the times' ratio upside down: fast is above 1.")),
        (float(p), _("That is p itself. What about the seconds that do not shrink?")),
        (right_strong / p, _("You divide by p as well: that is the efficiency, not the speed-up.")),
        (right_weak, _("Both speed-ups are for growing work. First comes the same work.")),
        (
            1 + (one / two - 1) * (p - 1),
            _("You draw a line through p = 1 and 2. The gain wears off: the limit is one/a."),
        ),
        (
            (one / two) ** _log2(p),
            _("You multiply the gain with every doubling. It wears off: the limit is one/a."),
        ),
        (work / (fixed + work / p), _("One worker pays for a, too: its time is a + w.")),
        (one / (work / p), _("The p workers still pay for a: it does not shrink.")),
        (one / (fixed / p + work / p), _("a does not shrink with p: only w is shared.")),
    )
    for slip, why in slips_strong:
        if _near(strong, slip) and not _near(strong, right_strong):
            raise Wrong(why)
    slips_weak = (
        (1 / right_weak, _("The second ratio is upside down: fast is above 1.")),
        (
            1.0,
            _(
                "With p workers and p times the work the time stays. But one worker alone would "
                "need a + p·w: compare with that."
            ),
        ),
        (right_weak / p, _("You divide the second by p: that is the efficiency.")),
        (float(p), _("The second is below p: a is paid once, and it is no shared work.")),
        (right_strong, _("The second speed-up is for p times the work: you kept the work fixed.")),
        (
            p * one / (fixed + work),
            _("One worker pays for a once, not p times: it needs a + p·w."),
        ),
        ((fixed + p * work) / (fixed + work / p), _("The p workers share p times the work.")),
        (one / (fixed + p * work), _("p workers share the p times larger work: a + w for them.")),
    )
    for slip, why in slips_weak:
        if _near(weak, slip) and not _near(weak, right_weak):
            raise Wrong(why)


def _near(a: float, b: float) -> bool:
    return bool(_abs(a - b) <= 1e-7 * (1 + _abs(b)))
