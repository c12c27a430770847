"""What becomes of submissions: one attempt a student, nothing overwritten, every oddity said."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from classroom import make_course, make_zip, note, notebook, release, tree, what

from secondorder_course import Course, CourseError, collect
from secondorder_course.attempts import current, read_attempts

Files = dict[str, bytes]


def send(course: Course, files: Files, unit: str = "derivative", **named: object) -> object:
    """Collect a zip with these files."""
    number = len(list(course.folder.parent.glob("*.zip")))
    return collect(course, unit, make_zip(course.folder.parent / f"{number}.zip", files), **named)  # type: ignore[arg-type]


def submitted(course: Course, student: str, unit: str = "derivative") -> Files:
    folder = course.submitted(unit, student)
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


# ── one zip


def test_a_zip_of_canvas(course: Course) -> None:
    release(course, "derivative", "q1", "q2")
    files = {
        "doejane_1234_501_derivative.ipynb": notebook("q1", "q2"),
        "nunezjose_LATE_1235_502_My Work.ipynb": notebook("q1", "q2"),
        "smithjohn_1238_503_derivative-2.ipynb": notebook("q1"),
        "teststudent_99_504_derivative.ipynb": notebook(),
    }
    report = send(course, files)
    assert what(report) == {
        "doejane_1234_501_derivative.ipynb": ("jdoe", "accepted"),
        "nunezjose_LATE_1235_502_My Work.ipynb": ("jnunez", "accepted and renamed"),
        "smithjohn_1238_503_derivative-2.ipynb": ("jsmith2", "accepted"),
        "teststudent_99_504_derivative.ipynb": ("", "unknown student"),
    }
    assert note(report, "doejane_1234_501_derivative.ipynb") == ""
    late = "late, says Canvas; My Work.ipynb is derivative.ipynb now"
    assert note(report, "nunezjose_LATE_1235_502_My Work.ipynb") == late
    said = note(report, "smithjohn_1238_503_derivative-2.ipynb")
    assert said == "1 of 2 marked cells missing"
    # Nobody knows when: Canvas says only that it was late.
    assert submitted(course, "jnunez") == {"derivative.ipynb": files[list(files)[1]]}
    attempt = current(course, "derivative")["jnunez"]
    assert (attempt.late_flag, attempt.received, attempt.attachment) == (True, None, 502)
    missing = "2 of 5 students have nothing yet: Bob Ray (bray), John Smith (jsmith1)"
    assert any(missing in line for line in report.notes)  # type: ignore[attr-defined]
    (place,) = course.reports.glob("collect-*.csv")
    assert place.read_text("utf-8-sig").count("\n") == 5


def test_a_zip_of_moodle(course: Course) -> None:
    files = {
        "Jane Doe_11_assignsubmission_file/derivative.ipynb": notebook(),
        "Jane Doe_11_assignsubmission_onlinetext/onlinetext.html": b"<p>hello</p>",
        "John Smith_12_assignsubmission_file/derivative.ipynb": notebook(),
    }
    report = send(course, files)
    assert [r["what"] for r in report.records()] == [  # type: ignore[attr-defined]
        *("accepted", "extra file kept", "several students fit")
    ]
    said = note(report, "John Smith_12_assignsubmission_file/derivative.ipynb")
    assert said == "'John Smith_12': John Smith (jsmith1), John Smith (jsmith2) fit"
    assert list(submitted(course, "jdoe")) == ["derivative.ipynb"]


def test_the_nearest_names_are_shown(course: Course) -> None:
    report = send(course, {"Jane Do_7_assignsubmission_file/derivative.ipynb": b"{}"})
    (row,) = report.records()  # type: ignore[attr-defined]
    assert row["note"] == "'Jane Do_7': nearest: Jane Doe (jdoe)"
    assert row["kept as"].startswith("unmatched/derivative/")
    assert (course.folder / row["kept as"]).read_bytes() == b"{}"
    assert any("Jane Do_7,ID,derivative (with the id)" in n for n in report.notes)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b"not json", "it cannot be read as a notebook"),
        (b'{"cells": 3}', "it cannot be read as a notebook"),
        (b"\xff\xfe\x00", "it cannot be read as a notebook"),
        (b"[" * 100_000, "it cannot be read as a notebook"),
        (b'{"cells": [' + b"9" * 5000 + b"]}", "it cannot be read as a notebook"),
        (b'{"cells": [{"metadata": {"nbgrader": 3}}, {}]}', "none of the tasks of derivative"),
        (notebook("other"), "none of the tasks of derivative is in it"),
    ],
)
def test_whatever_is_in_it_is_stored_and_goes_to_a_person(
    course: Course, content: bytes, why: str
) -> None:
    release(course, "derivative", "q1")
    report = send(course, {"jdoe.ipynb": content, "bray.ipynb": notebook("q1")})
    assert what(report)["jdoe.ipynb"] == ("jdoe", "accepted")
    assert why in note(report, "jdoe.ipynb")
    assert submitted(course, "jdoe") == {"derivative.ipynb": content}
    assert current(course, "derivative")["jdoe"].human
    assert current(course, "derivative")["bray"].human == ()


def test_a_file_that_is_no_notebook_is_a_submission_for_a_person(course: Course) -> None:
    report = send(course, {"jdoe/homework.pdf": b"%PDF", "bray/all.zip": b"PK\x03\x04"})
    assert what(report)["jdoe/homework.pdf"] == ("jdoe", "accepted")
    assert note(report, "jdoe/homework.pdf") == "there is no notebook"
    assert "there is a zip inside, not opened" in note(report, "bray/all.zip")
    assert submitted(course, "jdoe") == {"homework.pdf": b"%PDF"}
    attempt = current(course, "derivative")["jdoe"]
    assert not attempt.is_notebook and attempt.human == ("there is no notebook",)


def test_of_several_notebooks_the_one_that_fits_counts(course: Course) -> None:
    release(course, "derivative", "q1", "q2", "q3")
    files = {
        "jdoe/derivative.ipynb": notebook("q1"),
        "jdoe/final.ipynb": notebook("q1", "q2", "q3"),
        "jdoe/.ipynb_checkpoints/final-checkpoint.ipynb": notebook("q1", "q2", "q3"),
        "jdoe/numpy.py": b"raise SystemExit",
        "jdoe/more.zip": b"PK",
    }
    report = send(course, files)
    assert what(report)["jdoe/final.ipynb"] == ("jdoe", "accepted and renamed")
    assert "there are 3 notebooks" in note(report, "jdoe/final.ipynb")
    assert "fits the unit less well" in note(report, "jdoe/derivative.ipynb")
    assert note(report, "jdoe/more.zip") == "a zip inside the zip: not opened"
    # Nothing but the notebook is put where code runs.
    assert submitted(course, "jdoe") == {"derivative.ipynb": files["jdoe/final.ipynb"]}
    for row in report.records():  # type: ignore[attr-defined]
        assert (course.folder / row["kept as"]).read_bytes() == files[row["file"]]


def test_a_notebook_with_another_suffix_is_found(course: Course) -> None:
    report = send(course, {"jdoe/derivative.ipynb.txt": notebook("q1"), "jdoe/readme.md": b"hi"})
    assert what(report)["jdoe/derivative.ipynb.txt"] == ("jdoe", "accepted and renamed")
    assert submitted(course, "jdoe") == {"derivative.ipynb": notebook("q1")}


def test_before_the_release_the_source_tells_the_tasks(course: Course) -> None:
    folder = course.folder / "source" / "derivative"
    folder.mkdir()
    (folder / "derivative.ipynb").write_bytes(notebook("q1"))
    assert "none of the tasks" in note(send(course, {"jdoe.ipynb": notebook("x")}), "jdoe.ipynb")


def test_the_zip_of_another_unit_is_noticed(course: Course) -> None:
    release(course, "derivative", "q1")
    report = send(course, {"jdoe.ipynb": notebook("g1"), "bray.ipynb": notebook("g1")})
    assert any("2 of 2 notebooks hold none of the tasks" in n for n in report.notes)  # type: ignore[attr-defined]


def test_names_that_differ_only_by_case_are_both_kept(course: Course) -> None:
    files = {"jdoe/A.txt": b"1", "jdoe/a.txt": b"2", "jdoe/x/a.txt": b"3", "jdoe/con.txt": b"4"}
    report = send(course, files)
    kept = {r["file"]: r["kept as"] for r in report.records()}  # type: ignore[attr-defined]
    assert len({name.casefold() for name in kept.values()}) == 4
    assert all((course.folder / kept[name]).read_bytes() == files[name] for name in files)


def test_long_names(course: Course) -> None:
    name = f"jdoe/{'ü' * 300}.ipynb"
    report = send(course, {name: notebook(), "ö" * 400: b"x", "/".join(["d"] * 500): b"y"})
    assert what(report)[name] == ("jdoe", "accepted and renamed")
    assert len(list(course.unmatched("derivative").rglob("*.*"))) == 0  # these have no suffix
    assert sum(p.is_file() for p in course.unmatched("derivative").rglob("*")) == 2


# ── time


def test_when_it_came_is_told_to_nbgrader(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course", derivative="2030-10-05T23:59:00+02:00")
    when = datetime(2030, 10, 6, 1, 0, tzinfo=UTC)
    report = send(course, {"jdoe.ipynb": notebook()}, received=when)
    assert note(report, "jdoe.ipynb") == "late by 3 h 1 min"
    assert submitted(course, "jdoe")["timestamp.txt"] == b"2030-10-06 01:00:00 UTC\n"


@pytest.mark.parametrize(
    ("received", "said"),
    [
        ("2030-10-05T23:00:00", ""),
        ("2030-10-06T00:09:00", ""),  # within the minutes of grace
        ("2030-10-06T00:10:00", "late by 11 min"),
        ("2030-10-08T00:00:00", "late by 2 d 1 min"),
    ],
)
def test_late_by_how_much(tmp_path: Path, received: str, said: str) -> None:
    course = make_course(tmp_path / "course", derivative="2030-10-05T23:59:00")
    report = send(course, {"jdoe.ipynb": notebook()}, received=datetime.fromisoformat(received))
    assert note(report, "jdoe.ipynb") == said


def test_a_time_beats_the_mark_of_canvas(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course", derivative="2030-10-05T23:59:00")
    name = "doejane_LATE_1234_5_derivative.ipynb"
    report = send(course, {name: notebook()}, received=datetime(2030, 10, 5))
    assert note(report, name) == ""


def test_a_time_can_be_said_later_and_the_earlier_counts(course: Course) -> None:
    files = {"jdoe.ipynb": notebook()}
    for day, kept in ((None, None), (7, 7), (8, 7), (6, 6), (None, 6)):
        when = None if day is None else datetime(2030, 10, day, tzinfo=UTC)
        path = make_zip(course.folder.parent / "same.zip", files)
        collect(course, "derivative", path, received=when)
        received = current(course, "derivative")["jdoe"].received
        assert (received and received.day) == kept


# ── again


def test_the_same_zip_changes_nothing(course: Course, tmp_path: Path) -> None:
    release(course, "derivative", "q1")
    files = {"jdoe/derivative.ipynb": notebook("q1"), "jdoe/a.txt": b"", "x.ipynb": b"?"}
    path = make_zip(tmp_path / "sent.zip", files)
    collect(course, "derivative", path)
    before = tree(course.folder)
    path.rename(tmp_path / "renamed.zip")
    report = collect(course, "derivative", tmp_path / "renamed.zip")
    assert tree(course.folder) == before
    assert what(report) == {
        "jdoe/derivative.ipynb": ("jdoe", "same as before"),
        "jdoe/a.txt": ("jdoe", "same as before"),
        "x.ipynb": ("", "unknown student"),
    }
    assert any(n.startswith("This archive was collected before, at 20") for n in report.notes)
    assert "Nothing has changed since." in report.notes
    # So does the copy in the inbox, when the download is gone.
    (copy,) = course.inbox.glob("*.zip")
    collect(course, "derivative", copy)
    assert tree(course.folder) == before


def test_a_later_attempt_counts_and_the_first_is_kept(course: Course) -> None:
    send(course, {"jdoe.ipynb": b"one", "bray.ipynb": b"bob"})
    report = send(course, {"jdoe.ipynb": b"two", "bray.ipynb": b"bob"})
    assert what(report) == {
        "jdoe.ipynb": ("jdoe", "accepted"),
        "bray.ipynb": ("bray", "same as before"),
    }
    assert submitted(course, "jdoe") == {"derivative.ipynb": b"two"}
    attempts = read_attempts(course, "derivative", "jdoe")
    paths = [attempt.main_file(course, "derivative", "jdoe") for attempt in attempts]
    assert [path.read_bytes() for path in paths] == [b"one", b"two"]


def test_the_first_attempt_counts_where_that_is_the_rule(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course", keep="first")
    send(course, {"jdoe.ipynb": b"one"})
    report = send(course, {"jdoe.ipynb": b"two"})
    assert what(report)["jdoe.ipynb"] == ("jdoe", "later attempt kept")
    assert "attempt 1 counts: the rule is 'first'" in note(report, "jdoe.ipynb")
    assert submitted(course, "jdoe") == {"derivative.ipynb": b"one"}


def test_the_numbers_of_canvas_tell_which_is_older(course: Course) -> None:
    send(course, {"doejane_1234_900_a.ipynb": b"new"})
    report = send(course, {"doejane_1234_800_a.ipynb": b"old"})
    assert what(report)["doejane_1234_800_a.ipynb"] == ("jdoe", "older attempt kept")
    assert submitted(course, "jdoe") == {"derivative.ipynb": b"new"}
    # Back to the first text: a new attempt, which counts.
    report = send(course, {"doejane_1234_950_a.ipynb": b"old"})
    assert "the files are those of attempt 2" in note(report, "doejane_1234_950_a.ipynb")
    assert submitted(course, "jdoe") == {"derivative.ipynb": b"old"}


def test_times_tell_which_is_older(course: Course) -> None:
    send(course, {"jdoe.ipynb": b"new"}, received=datetime(2030, 10, 5))
    report = send(course, {"jdoe.ipynb": b"old"}, received=datetime(2030, 10, 4))
    assert what(report)["jdoe.ipynb"] == ("jdoe", "older attempt kept")
    assert submitted(course, "jdoe")["derivative.ipynb"] == b"new"


def test_a_student_who_goes_back_hands_in_anew(course: Course) -> None:
    for content in (b"one", b"two"):
        send(course, {"jdoe.ipynb": content})
    report = send(course, {"jdoe.ipynb": b"one", "more.txt": b""})
    assert "the files are those of attempt 1" in note(report, "jdoe.ipynb")
    assert submitted(course, "jdoe") == {"derivative.ipynb": b"one"}
    # And the zip in the middle, collected once more, does not take that back.
    (middle,) = course.folder.parent.glob("1.zip")
    collect(course, "derivative", middle)
    assert submitted(course, "jdoe") == {"derivative.ipynb": b"one"}


def test_late_only_once_it_was_seen_in_time(course: Course) -> None:
    send(course, {"doejane_LATE_1234_9_a.ipynb": b"x"})
    assert current(course, "derivative")["jdoe"].late_flag
    send(course, {"doejane_1234_9_a.ipynb": b"x"})  # an extension was given
    assert current(course, "derivative")["jdoe"].late_flag is False
    assert len(read_attempts(course, "derivative", "jdoe")) == 1


def test_the_same_zip_for_another_unit_is_noticed(course: Course, tmp_path: Path) -> None:
    path = make_zip(tmp_path / "sent.zip", {"jdoe.ipynb": b"x"})
    collect(course, "derivative", path)
    report = collect(course, "gradient", path)
    assert any("collected for the unit derivative: is it the right one" in n for n in report.notes)
    assert submitted(course, "jdoe", "gradient") == {"gradient.ipynb": b"x"}


def test_what_a_person_put_there_is_not_lost(course: Course) -> None:
    folder = course.submitted("derivative", "jdoe")
    folder.mkdir(parents=True)
    (folder / "derivative.ipynb").write_bytes(b"by mail")
    report = send(course, {"jdoe.ipynb": b"by zip"})
    assert submitted(course, "jdoe") == {"derivative.ipynb": b"by zip"}
    put_away = course.attempts("derivative", "jdoe") / "by-hand-1" / "derivative.ipynb"
    assert put_away.read_bytes() == b"by mail"
    assert any("by-hand-1" in n for n in report.notes)  # type: ignore[attr-defined]


# ── matches.csv


def test_a_person_says_whose_it_is(course: Course, tmp_path: Path) -> None:
    files = {
        "John Smith_12_assignsubmission_file/derivative.ipynb": notebook("a"),
        "John Smith_12_assignsubmission_onlinetext/onlinetext.html": b"hello",
        "x.ipynb": b"of nobody",
    }
    path = make_zip(tmp_path / "sent.zip", files)
    collect(course, "derivative", path)
    assert len([p for p in course.unmatched("derivative").rglob("*") if p.is_file()]) == 3
    course.matches_file.write_text("file,id,unit\nJohn Smith_12,jsmith2,derivative\n")
    report = collect(course, "derivative", path)
    assert [r["what"] for r in report.records()] == [
        "accepted",
        "extra file kept",
        "unknown student",
    ]
    assert submitted(course, "jsmith2") == {"derivative.ipynb": notebook("a")}
    left = [p for p in course.unmatched("derivative").rglob("*") if p.is_file()]
    assert [p.name for p in left] == ["x.ipynb"]
    assert len(list(course.reports.glob("collect-*.csv"))) == 2  # the first report stays


def test_a_wrong_match_can_be_taken_back(course: Course, tmp_path: Path) -> None:
    path = make_zip(tmp_path / "sent.zip", {"x.ipynb": b"bob's"})
    course.matches_file.write_text("file;id\nx.ipynb;jdoe\n", encoding="utf-8-sig")
    collect(course, "derivative", path)
    course.matches_file.write_text("file;id\nx.ipynb;bray\n")
    report = collect(course, "derivative", path)
    assert submitted(course, "jdoe") == {}
    assert submitted(course, "bray") == {"derivative.ipynb": b"bob's"}
    assert (
        "jdoe: attempt 1 is no longer read from this archive; it is kept, but does not count"
        in (report.notes)
    )
    assert list(current(course, "derivative")) == ["bray"]
    (kept,) = course.attempts("derivative", "jdoe").rglob("x.ipynb")
    assert kept.read_bytes() == b"bob's"
    course.matches_file.write_text("file;id\nx.ipynb;jdoe\n")
    collect(course, "derivative", path)
    assert list(current(course, "derivative")) == ["jdoe"]
    assert len(read_attempts(course, "derivative", "jdoe")) == 1


@pytest.mark.parametrize("place", ["zip/x/a.ipynb", "zip/x", "zip"])
def test_a_folder_can_be_given_to_somebody(course: Course, place: str) -> None:
    course.matches_file.write_text(f"file,id\n{place}/,jdoe\n")
    assert what(send(course, {"zip/x/a.ipynb": b"1"}))["zip/x/a.ipynb"][0] == "jdoe"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,id\n", "the first line must be file,id or file,id,unit"),
        ("file,id\nx,jdo\n", "line 2: the id 'jdo' is not in the roster (did you mean 'jdoe'?)"),
        ("file,id\n\n,jdoe\n", "line 3: there is no file for 'jdoe'"),
        ("file,id\nx,jdoe\nx,bray\n", "line 3: 'x' is given to jdoe and to bray: delete one line"),
        ("file,id,unit\nx,jdoe,gradent\n", "no unit 'gradent' (did you mean 'gradient'?)"),
        ('file,id\n"x,jdoe\n', "cannot be read"),
    ],
)
def test_a_wrong_line_is_named(course: Course, text: str, said: str) -> None:
    course.matches_file.write_text(text)
    with pytest.raises(CourseError, match=re.escape(said)):
        send(course, {"jdoe.ipynb": b""})


# ── what stops it


def test_an_unknown_unit(course: Course) -> None:
    with pytest.raises(CourseError, match=r"no unit 'derivativ' .did you mean 'derivative'"):
        send(course, {"jdoe.ipynb": b""}, unit="derivativ")


def test_two_at_once(course: Course) -> None:
    with course.lock("grade derivative"), pytest.raises(CourseError, match="grade derivative"):
        send(course, {"jdoe.ipynb": b""})
    assert list(course.inbox.iterdir()) == []


def test_a_lock_that_was_taken_over_is_noted(course: Course) -> None:
    import socket

    held = {"pid": 2**22 + 1, "host": socket.gethostname(), "command": "x", "since": "then"}
    (course.folder / "course.lock").write_text(json.dumps(held))
    assert "taken over" in send(course, {"jdoe.ipynb": b""}).notes[0]  # type: ignore[attr-defined]


def test_a_damaged_record_is_named(course: Course) -> None:
    send(course, {"jdoe.ipynb": b"1"})
    record = course.attempts("derivative", "jdoe") / "0001" / "attempt.json"
    record.write_text("{}")
    with pytest.raises(CourseError, match=r"attempt.json cannot be read: restore it"):
        send(course, {"jdoe.ipynb": b"2"})


def test_progress(course: Course) -> None:
    seen: list[tuple[int, int]] = []
    files = {"jdoe.ipynb": b"12345", "bray.ipynb": b"1", "x": b"", "../y": b"1", ".DS_Store": b""}
    send(course, files, progress=lambda done, total: seen.append((done, total)))
    assert len(seen) == 5 and seen[-1][0] == seen[-1][1]
