"""The course folder: made once, found from inside, settings checked, one writer at a time."""

import errno
import json
import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from secondorder_course import Course, CourseError, _files


def message(call: object, *args: object, **named: object) -> str:
    with pytest.raises(CourseError) as error:
        call(*args, **named)  # type: ignore[operator]
    return str(error.value)


def create(folder: Path, **named: object) -> Course:
    return Course.create(folder, **{"id": "calc2", "term": "2030-autumn", **named})  # type: ignore[arg-type]


# ── create


def test_a_new_course_has_all_that_nbgrader_expects(tmp_path: Path) -> None:
    course = create(tmp_path / "new" / "calc2")
    names = {path.name for path in course.folder.iterdir()}
    assert names == {
        *("source", "release", "submitted", "autograded", "feedback"),
        *("inbox", "attempts", "unmatched", "reports", "overlay", "course.toml"),
    }
    assert list(course.config.units) == [
        "derivative",
        "gradient",
        "jacobian",
        "hessian",
        "networks",
    ]
    assert (course.id, course.keep, course.late.days) == ("calc2", "latest", 7)
    seed = course.folder / "overlay" / "term_seed"
    assert stat.S_IMODE(seed.stat().st_mode) == 0o600
    assert len(course.term_seed()) == 64
    assert create(tmp_path / "other").term_seed() != course.term_seed()


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    create(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_course_is_never_made_twice(tmp_path: Path) -> None:
    before = create(tmp_path).term_seed()
    assert "already holds a course: nothing was changed" in message(create, tmp_path)
    assert Course.open(tmp_path).term_seed() == before


@pytest.mark.parametrize("name", ["gradebook.db", "roster.csv", "submitted/ada/x", "overlay/x"])
def test_parts_of_another_course_are_not_taken_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    said = message(create, tmp_path)
    assert f"already holds {name.split('/')[0]}, perhaps of another course" in said


def test_a_try_that_was_killed_can_be_repeated(tmp_path: Path) -> None:
    seed = create(tmp_path).term_seed()
    (tmp_path / "course.toml").unlink()  # which is written last
    assert create(tmp_path).term_seed() == seed


@pytest.mark.parametrize(
    ("named", "part"),
    [
        ({"id": "a b"}, "the course id 'a b' cannot be a folder name"),
        ({"id": "../x"}, "the course id '../x' cannot be a folder name"),
        ({"term": "  "}, "the term is empty"),
        ({"time_zone": "Berlin"}, "the time zone 'Berlin' is not known: write one such as"),
        ({"time_zone": "../etc"}, "the time zone '../etc' is not known"),
        ({"units": ["a/b"]}, "the unit 'a/b' cannot be a folder name"),
    ],
)
def test_bad_settings_make_nothing(tmp_path: Path, named: dict[str, object], part: str) -> None:
    assert part in message(create, tmp_path / "new", **named)
    assert not (tmp_path / "new").exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "is a file: give a folder" in message(create, tmp_path / "file")


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_files.os, "replace", full)
    said = message(create, tmp_path / "new")
    assert "no space left" in said and "nothing was made" in said
    assert not (tmp_path / "new").exists()


# ── open


def test_a_course_is_found_from_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = create(tmp_path / "calc2").folder
    monkeypatch.chdir(folder / "source")
    assert Course.open().folder == folder


def test_no_course_says_how_to_make_one(tmp_path: Path) -> None:
    said = message(Course.open, tmp_path)
    assert f"there is no course in {tmp_path} or above it" in said
    assert "secondorder-course init" in said
    assert "there is no folder" in message(Course.open, tmp_path / "nowhere")


def test_an_unknown_unit_gets_a_guess(tmp_path: Path) -> None:
    said = message(create(tmp_path).unit, "jacobain")
    assert "there is no unit 'jacobain' (did you mean 'jacobian'?)" in said
    assert "derivative, gradient, jacobian, hessian, networks" in said


def test_no_roster_says_how_to_store_one(tmp_path: Path) -> None:
    assert "has no roster yet" in message(create(tmp_path).roster)


def test_a_lost_seed_is_not_made_anew(tmp_path: Path) -> None:
    course = create(tmp_path)
    (tmp_path / "overlay" / "term_seed").unlink()
    assert "Restore it from your backup" in message(course.term_seed)


GOOD = 'id = "c"\nterm = "t"\ntime_zone = "Europe/Berlin"\n[units.gradient]\n'


def test_times_are_read_in_the_zone_of_the_course(tmp_path: Path) -> None:
    for written, meant in (
        ("2030-10-05T23:59:00", "2030-10-05T23:59:00+02:00"),
        ("2030-10-05", "2030-10-05T23:59:59+02:00"),
        ("2030-10-05T23:59:00Z", "2030-10-05T23:59:00+00:00"),
    ):
        (tmp_path / "course.toml").write_text(f"{GOOD}due = {written}\n")
        due = Course.open(tmp_path).unit("gradient").due
        assert due is not None and due.isoformat() == meant


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("id = \nterm = 3", ["cannot be read", "line 1", "Mend that line"]),
        (GOOD.replace("id", "ids"), ["line 1: the entry 'ids' is not known (did you mean 'id'?)"]),
        (GOOD.replace('id = "c"\n', ""), ["has no entry 'id': add a line such as"]),
        (GOOD.replace('"t"', "7"), ["line 2: term = 7 cannot be used: write a short text"]),
        (GOOD.replace("Berlin", "Belin"), ["line 3: the time zone 'Europe/Belin' is not known"]),
        ('keep = "newest"\n' + GOOD, ['line 1: keep = "newest" cannot be used', '"first"']),
        (GOOD + "due = 5", ["line 5: due = 5 cannot be used: write a time such as"]),
        (GOOD + 'due = "2030-10-05"', ['due = "2030-10-05" cannot be used', "no quotes"]),
        (GOOD + "dew = 2030-10-05", ["line 5: the entry 'dew' is not known (did you mean 'due'?)"]),
        (GOOD.replace("[units.gradient]", ""), ["names no unit: write a line [units.derivative]"]),
        (GOOD + "[units.Gradient]", ["line 5: two units are called 'Gradient' but for upper"]),
        (GOOD + '[units."a b"]', ["line 5: the unit 'a b' cannot be a folder name"]),
        (GOOD + "[late]\ndays = -1", ["line 6: days = -1 cannot be used", "from 0 to 366"]),
        (GOOD + "[late]\ndays = true", ["line 6: days = True cannot be used"]),
        (GOOD + "[late]\npercent_per_day = 200", ["percent_per_day = 200", "from 0 to 100"]),
        (GOOD + "[lates]\n", ["line 5: the entry 'lates' is not known (did you mean 'late'?)"]),
        (GOOD.replace('"c"', '"a/b"'), ["line 1: id 'a/b' cannot be a folder name"]),
        ("units = 3\n" + GOOD.replace("[units.gradient]", ""), ["line 1: units = 3"]),
    ],
)
def test_a_bad_entry_is_named(tmp_path: Path, text: str, parts: list[str]) -> None:
    (tmp_path / "course.toml").write_text(text)
    said = message(Course.open, tmp_path)
    assert str(tmp_path / "course.toml") in said
    for part in parts:
        assert part in said


def test_settings_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "course.toml").write_bytes('term = "Frühling"'.encode("cp1252"))
    assert "is not UTF-8" in message(Course.open, tmp_path)
    (tmp_path / "course.toml").write_bytes(GOOD.encode("utf-8-sig"))
    assert Course.open(tmp_path).id == "c"


def test_odd_text_can_be_a_term(tmp_path: Path) -> None:
    term = 'autumn "30" \\ Ü\t!'
    assert create(tmp_path, term=term).config.term == term


# ── lock


def test_the_second_command_is_told_who_is_first(tmp_path: Path) -> None:
    course = create(tmp_path)
    with course.lock("grade derivative") as note:
        assert note == ""
        with pytest.raises(CourseError) as error, course.lock("collect derivative"):
            pass
        said = str(error.value)
        assert "'grade derivative'" in said and f"process {os.getpid()} on this computer" in said
        assert "Wait until it is done" in said
    assert not (tmp_path / "course.lock").exists()
    with course.lock("collect derivative"):
        pass


def test_the_lock_falls_with_an_error(tmp_path: Path) -> None:
    course = create(tmp_path)
    with pytest.raises(ZeroDivisionError), course.lock("grade"):
        raise ZeroDivisionError
    assert not (tmp_path / "course.lock").exists()


def test_the_lock_of_a_killed_command_is_taken_over(tmp_path: Path) -> None:
    course = create(tmp_path)
    code = (
        "import sys, time; from secondorder_course import Course\n"
        "with Course.open(sys.argv[1]).lock('grade derivative'):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None and other.stdout.readline() == "held\n"
    with pytest.raises(CourseError, match=f"process {other.pid} on this"), course.lock("collect"):
        pass
    other.kill()
    other.wait()
    other.stdout.close()
    with course.lock("collect") as note:
        assert f"process {other.pid}) did not end well: its lock was taken over" in note


def test_a_process_that_got_the_number_of_a_dead_one_does_not_count(tmp_path: Path) -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("no /proc here")
    course = create(tmp_path)
    held = {"pid": os.getpid(), "host": socket.gethostname(), "command": "x", "since": "then"}
    (tmp_path / "course.lock").write_text(json.dumps({**held, "process_started": "1"}))
    with course.lock("collect") as note:
        assert "taken over" in note


def test_a_lock_of_another_computer_is_respected(tmp_path: Path) -> None:
    course = create(tmp_path)
    held = {"pid": 1, "host": "elsewhere", "command": "grade", "since": "2030-01-01"}
    (tmp_path / "course.lock").write_text(json.dumps(held))
    with pytest.raises(CourseError, match=r"on the computer elsewhere .* delete"), course.lock("x"):
        pass
    (tmp_path / "course.lock").write_text("?")
    with pytest.raises(CourseError, match="does not say who made it: delete it"), course.lock("x"):
        pass


def test_of_many_that_take_over_one_gets_it(tmp_path: Path) -> None:
    create(tmp_path)
    held = {"pid": 2**22 + 1, "host": socket.gethostname(), "command": "x", "since": "then"}
    (tmp_path / "course.lock").write_text(json.dumps(held))
    code = (
        "import sys, time; from secondorder_course import Course, CourseError\n"
        "course = Course.open(sys.argv[1]); sys.stdin.readline()\n"
        "try:\n"
        "    with course.lock('x'): time.sleep(1); print('held')\n"
        "except CourseError: print('busy')"
    )
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", code, str(tmp_path)]
    others = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    time.sleep(0.5)
    for other in others:
        assert other.stdin is not None
        other.stdin.write("go\n")
        other.stdin.flush()
    said = [other.communicate()[0].strip() for other in others]
    assert sorted(said) == ["busy", "busy", "busy", "held"]
