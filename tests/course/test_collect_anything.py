"""Whatever is in a zip, and whenever the command is killed: no byte is lost, no file unnamed."""

import hashlib
import os
import shutil
import signal
import tempfile
import unicodedata
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from classroom import ROSTER, make_course, make_zip, notebook, release, special, tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secondorder_course import Course, Report, collect
from secondorder_course._files import PART
from secondorder_course.attempts import current, read_attempts
from secondorder_course.collecting.run import Outcome

PEOPLE = ["jdoe", "bray", "Doe, Jane", "José Núñez", "John Smith", "jsmith1", "nobody"]
PARTS = st.one_of(
    st.sampled_from([*PEOPLE, "derivative", "..", ".", "", "__MACOSX", ".ipynb_checkpoints", "C:"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
ENDS = st.sampled_from([".ipynb", ".IPYNB", ".txt", ".zip", "", "/", "-2.ipynb", "\\x", "\0.ipynb"])
PLAIN = st.tuples(st.lists(PARTS, min_size=1, max_size=4).map("/".join), ENDS).map("".join)
CANVAS = st.builds(
    "{}{}_{}_{}_{}".format,
    st.sampled_from(["doejane", "raybob", "smithjohn", "nobody", "anon"]),
    st.sampled_from(["", "_LATE"]),
    st.sampled_from(["1234", "1236", "1237", "9", "aB3x9"]),
    st.integers(1, 4),
    st.sampled_from(["derivative.ipynb", "derivative-2.ipynb", "a_1_b.ipynb", "x.pdf"]),
)
MOODLE = st.builds(
    "{}_{}_assignsubmission_{}{}".format,
    st.sampled_from(["Jane Doe", "Bob Ray", "John Smith", "Participant"]),
    st.integers(1, 9),
    st.sampled_from(["file", "file_", "onlinetext_"]),
    st.sampled_from(["/a.ipynb", "/sub/a.ipynb", "_a.ipynb", "/onlinetext.html"]),
)
NAMES = st.one_of(PLAIN, CANVAS, MOODLE).map(lambda name: name or "x")
CONTENTS = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"", notebook("q1"), notebook("q1", "q2"), b"[" * 3000, b"\xff" * 2000]),
)
MEMBERS = st.lists(st.tuples(NAMES, CONTENTS, st.booleans()), min_size=1, max_size=8)
SAFE = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def build(path: Path, files: list[tuple[str, bytes, bool]]) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of two members with one name
        for name, content, is_link in files:
            info = special(name) if is_link and name.endswith("txt") else zipfile.ZipInfo(name)
            archive.writestr(info, content)
    return path


def checksums(folder: Path) -> Counter[str]:
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != "attempt.json")
    return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)


def check(course: Course, path: Path, report: Report) -> None:
    """All that must hold after any collection."""
    inbox = course.inbox / f"{hashlib.sha256(path.read_bytes()).hexdigest()}.zip"
    assert inbox.read_bytes() == path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        rows = report.records()
        assert [row["file"] for row in rows] == [info.orig_filename for info in entries]
        wanted: Counter[str] = Counter()
        for info, row in zip(entries, rows, strict=True):
            assert row["what"] in set(Outcome)
            if row["what"] in (Outcome.REFUSED, Outcome.IGNORED):
                assert row["note"]
                continue
            content = archive.read(info)
            assert (course.folder / row["kept as"]).read_bytes() == content
            wanted[hashlib.sha256(content).hexdigest()] += 1
    have = checksums(course.folder / "attempts") + checksums(course.folder / "unmatched")
    assert not wanted - have
    kept = [row["kept as"] for row in rows if row["what"] not in (Outcome.REFUSED, Outcome.IGNORED)]
    assert len(set(kept)) == len(kept)
    for student in (s.id for s in ROSTER.students):
        attempts = read_attempts(course, "derivative", student)
        for attempt in attempts:
            assert attempt.main in {file.kept for file in attempt.files}
        assert course.submitted("derivative", student).exists() == bool(attempts)
    everything = [*course.folder.parent.rglob("*")]
    assert not any(path.is_symlink() or path.name.startswith(PART) for path in everything)
    assert {p.name for p in course.folder.parent.iterdir()} == {"course", path.name}


@SAFE
@given(files=MEMBERS)
def test_any_zip(files: list[tuple[str, bytes, bool]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        course = make_course(Path(place) / "course")
        release(course, "derivative", "q1", "q2")
        path = build(Path(place) / "sent.zip", files)
        check(course, path, collect(course, "derivative", path))
        before = tree(course.folder)
        again = collect(course, "derivative", path)
        check(course, path, again)
        assert tree(course.folder) == before
        assert "Nothing has changed since." in again.notes
        text = again.text(everything=True).replace("\n", "")
        assert not [c for c in text if unicodedata.category(c).startswith("C")]


@settings(SAFE, max_examples=20)
@given(zips=st.lists(MEMBERS, min_size=2, max_size=3))
def test_zips_one_after_the_other_lose_nothing(zips: list[list[tuple[str, bytes, bool]]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        course = make_course(Path(place) / "course")
        seen: Counter[str] = Counter()
        for files in zips:
            path = build(Path(place) / "sent.zip", files)
            check(course, path, collect(course, "derivative", path))
            have = checksums(course.folder / "attempts") + checksums(course.folder / "unmatched")
            assert set(seen) <= set(have)  # what was stored once stays
            seen = have
        for student, attempt in current(course, "derivative").items():
            counts = attempt.main_file(course, "derivative", student).read_bytes()
            assert counts in [
                p.read_bytes() for p in course.submitted("derivative", student).iterdir()
            ]


# ── killed


STEPS = ("replace", "rename", "fsync", "mkdir", "unlink", "rmdir")


def killed_at(step: int, course: Course, path: Path) -> bool:
    """Collect in a process that kills itself before its step-th change of the disk."""
    child = os.fork()
    if child == 0:
        left = step

        def dying(call: object) -> object:
            def run(*args: object, **named: object) -> object:
                nonlocal left
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*args, **named)  # type: ignore[operator]

            return run

        for name in STEPS:
            setattr(os, name, dying(getattr(os, name)))
        try:
            collect(course, "derivative", path)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_anywhere_and_run_again(tmp_path: Path) -> None:
    first = make_zip(tmp_path / "first.zip", {"jdoe.ipynb": b"one", "bray.ipynb": b"old"})
    files = {"jdoe.ipynb": b"two", "jdoe/a.txt": b"3", "bray.ipynb": b"old", "jnunez.ipynb": b"5"}
    path = make_zip(tmp_path / "sent.zip", {**files, "x.ipynb": b"?", "../y": b"!"})

    original = make_course(tmp_path / "original")
    collect(original, "derivative", first)
    clean = copy(original, tmp_path / "clean")
    report = collect(clean, "derivative", path)
    expected = tree(clean.folder)
    steps = 1
    while True:
        course = copy(original, tmp_path / "course")
        if not killed_at(steps, course, path):
            break
        again = collect(course, "derivative", path)
        assert tree(course.folder) == expected, steps
        assert again.rows == report.rows, steps
        shutil.rmtree(course.folder)
        # Every place at first, then every third: the rest repeats for each student.
        steps += 1 if steps < 8 else 3
    assert steps > 40
    assert tree(course.folder) == expected


def copy(course: Course, folder: Path) -> Course:
    shutil.copytree(course.folder, folder)
    return Course.open(folder)
