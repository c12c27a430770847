"""Stored runs: what comes back is complete, is the same every time, and cannot be changed."""

import numpy as np
import pytest

from secondorder import runs


@pytest.mark.parametrize("name", runs.names())
def test_a_run_says_how_it_was_made(name: str) -> None:
    run = runs.load(name)
    assert run.name == name
    assert {"python", "numpy", "autograd"} <= set(run.versions)
    assert run.seconds > 0
    assert run.data
    assert runs.load(name) is run


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(ValueError, match=r"name must be one of .*got 'egde'"):
        runs.load("egde")


def test_a_missing_part_lists_the_others() -> None:
    run = runs.StoredRun("toy", {}, {}, "2026-01-01", 1.0, {"loss": 1, "sharpness": 2})
    assert run["loss"] == 1
    with pytest.raises(KeyError, match="run 'toy' has no 'los': it has loss, sharpness"):
        run["los"]
    assert repr(run) == "StoredRun('toy', loss, sharpness)"


def test_lists_of_numbers_are_read_only_arrays_and_the_rest_stays() -> None:
    data = {
        "a": [1, None],
        "deep": {"b": [[1, 2], [3, 4]]},
        "words": ["x"],
        "ragged": [[1], [1, 2]],
    }
    read = runs._as_arrays(data)
    np.testing.assert_array_equal(read["a"], [1, np.nan])
    assert read["deep"]["b"].shape == (2, 2)
    assert read["words"] == ["x"]
    assert [len(part) for part in read["ragged"]] == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        read["a"][0] = 2
