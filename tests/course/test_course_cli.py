"""The command line: examples, exit status, errors without a traceback."""

import errno
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from classroom import ROSTER, make_zip, notebook

from secondorder_course import Course, Roster, commands
from secondorder_course.cli import main
from secondorder_course.commands.collect import _progress


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = main([str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out, err


def test_a_term_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    due = ("--due", "derivative=2030-10-05T23:59", "--time-zone", "Europe/Berlin")
    status, out, err = run(capsys, "init", "calc2", "--id", "calc2", "--term", "2030", *due)
    assert (status, err) == (0, "") and "Next: secondorder-course roster FILE" in out
    monkeypatch.chdir("calc2")
    assert Course.open().unit("derivative").due is not None

    lines = [
        "id,last name,first name",
        *(f"{s.id},{s.last_name},{s.first_name}" for s in ROSTER.students),
    ]
    Path("../r.csv").write_text("\n".join(lines))
    status, out, _ = run(capsys, "roster", "../r.csv", "--check")
    assert status == 0 and "5 students; nothing was stored" in out and "share a name" in out
    status, out, _ = run(capsys, "roster", "../r.csv")
    assert status == 0 and "5 students, stored in" in out
    assert "the same as before" in run(capsys, "roster", "../r.csv")[1]
    Path("../r.csv").write_text("\n".join([*lines[:-1], "new,Lee,Ann"]))
    out = run(capsys, "roster", "../r.csv")[1]
    assert "New: Ann Lee (new)." in out and "No longer in it: John Smith (jsmith2)." in out
    assert len(list(Path("reports").glob("roster-before-*.csv"))) == 1

    make_zip(Path("../s.zip"), {"jdoe.ipynb": notebook(), "x.ipynb": b""})
    status, out, err = run(capsys, "collect", "derivative", "../s.zip")
    assert (status, err) == (0, "") and "x.ipynb" in out and "jdoe.ipynb" not in out
    assert "jdoe.ipynb" in run(capsys, "collect", "derivative", "../s.zip", "--all")[1]
    when = ("--received", "2030-10-06T01:00", "--student", "new")
    status, out, _ = run(capsys, "collect", "derivative", "../s.zip", *when)
    assert status == 0 and "late by 1 h 1 min" in out


def test_nothing_to_use_is_status_1(
    course: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_zip(tmp_path / "s.zip", {"../x": b""})
    status, out, _ = run(capsys, "collect", "derivative", path, "--course", course.folder)
    assert status == 1 and "could be used" in " ".join(out.split())


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 2, "required: COMMAND"),
        (("colect",), 2, "invalid choice: 'colect'"),
        (("collect", "derivative"), 2, "required: zip"),
        (("init", "c", "--id", "x"), 2, "required: --term"),
        (("collect", "d", "z", "--received", "noon"), 2, "'noon' is no time: write one such as"),
        (("init", "c", "--id", "x", "--term", "y", "--due", "noon"), 2, "write UNIT=TIME"),
        (
            ("init", "c", "--id", "x", "--term", "y", "--due", "hesian=2030-01-01"),
            1,
            "there is no unit 'hesian' (did you mean 'hessian'?)",
        ),
        (("collect", "derivative", "s.zip"), 1, "there is no course in"),
        (("roster", "r.csv"), 1, "there is no course in"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_or_two(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    status: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    got, out, err = run(capsys, *words)
    assert (got, out) == (status, "")
    assert said in err and "Traceback" not in err
    if status == 1:
        assert err.startswith("secondorder-course: ") and err.count("\n") <= 2


def test_all_problems_of_a_roster_are_shown(
    course: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.csv").write_text("id,name\n" + "a/b,J\n" * 30)
    before = course.roster_file.read_bytes()
    status, _, err = run(capsys, "roster", tmp_path / "r.csv", "--course", course.folder)
    assert status == 1 and err.count("cannot be a folder name") == 12
    assert "and 18 more like these" in err
    assert course.roster_file.read_bytes() == before


def test_a_full_disk_keeps_the_roster(
    course: Course,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "r.csv").write_text("id,name\nnew,Ann Lee\n")
    before = course.roster_file.read_bytes()
    monkeypatch.setattr(Roster, "write", full)
    status, _, err = run(capsys, "roster", tmp_path / "r.csv", "--course", course.folder)
    assert status == 1 and "the roster was not changed" in err
    assert course.roster_file.read_bytes() == before


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_every_command_shows_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, name, "--help")
    assert status == 0
    assert f"Example:\n  secondorder-course {name} " in out and "Exit status: 0 done" in out
    assert name in run(capsys, "--help")[1]


def failing(error: BaseException) -> commands.Command:
    def fail(args: Namespace) -> int:
        raise error

    return commands.Command("fail", "fail", "secondorder-course fail", lambda parser: None, fail)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyboardInterrupt(), "stopped. Nothing is half written"),
        (OSError(28, "No space left on device"), "there is no space left: free some"),
        (PermissionError(13, "Permission denied", "/x/y"), "/x/y: Permission denied"),
        (ZeroDivisionError("oh"), "this should not happen: ZeroDivisionError: oh"),
    ],
)
def test_no_error_shows_a_traceback(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    said: str,
) -> None:
    monkeypatch.setitem(commands.COMMANDS, "fail", failing(error))
    status, _, err = run(capsys, "fail")
    assert status == 1 and said in err and "Traceback" not in err


def test_a_bug_can_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(commands.COMMANDS, "fail", failing(ZeroDivisionError()))
    monkeypatch.setenv("SECONDORDER_COURSE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["fail"])


def test_progress_is_for_terminals_and_large_zips(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _progress() is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    show = _progress()
    assert show is not None
    show(50, 100)
    assert capsys.readouterr().err == ""
    for done in range(0, 101, 50):
        show(done * 2**20, 100 * 2**20)
    assert "50 %" in capsys.readouterr().err


def test_the_library_and_nbgrader_stay_out() -> None:
    code = "import sys, secondorder_course.cli; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert not {"secondorder", "numpy", "nbgrader", "nbformat"} & loaded


def test_a_terminal_without_accents(course: Course, tmp_path: Path) -> None:
    path = make_zip(tmp_path / "s.zip", {"Zoë Łuk/derivative.ipynb": b""})
    command = [sys.executable, "-m", "secondorder_course.cli", "collect", "derivative", str(path)]
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    run = subprocess.run(command, cwd=course.folder, env=env, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "") and r"Zo\xeb" in run.stdout
