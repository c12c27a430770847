"""Archives that are broken, hostile or odd: a clear message, and nothing lost."""

import errno
import os
import shutil
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from classroom import ROSTER, make_course, make_zip, note, notebook, special, tree, what

from secondorder_course import Course, CourseError, _files, collect
from secondorder_course.collecting import archive as limits

GOOD = {"jdoe.ipynb": notebook("q1")}


def refusal(course: Course, archive: Path) -> str:
    before = tree(course.folder)
    with pytest.raises(CourseError) as error:
        collect(course, "derivative", archive)
    assert tree(course.folder) == before
    assert not (course.folder / "course.lock").exists()
    return str(error.value)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is empty (0 bytes): download it again"),
        (b"PK\x03\x04 and then nothing", "is cut off or damaged: download it again"),
        (b"Rar!\x1a\x07...", "is not a zip but a RAR archive: give the zip"),
        (b"7z\xbc\xaf\x27\x1c", "is not a zip but a 7z archive"),
        (b"\x1f\x8b\x08", "is not a zip but a gzip archive"),
        (b"\n<!DOCTYPE html>", "is not a zip but a web page: the download did not work"),
        (b"%PDF-1.7", "is not a zip but a PDF"),
        (b"hello", "is not a zip: give the zip from Canvas or Moodle"),
    ],
)
def test_what_is_no_zip(course: Course, tmp_path: Path, content: bytes, part: str) -> None:
    path = tmp_path / "sent.zip"
    path.write_bytes(content)
    said = refusal(course, path)
    assert str(path) in said and part in said


def test_a_zip_that_is_cut_off(course: Course, tmp_path: Path) -> None:
    path = make_zip(
        tmp_path / "sent.zip", {f"{s.id}.ipynb": os.urandom(999) for s in ROSTER.students}
    )
    for size in (10, 500, path.stat().st_size - 5):
        shutil.copy(path, tmp_path / "cut.zip")
        os.truncate(tmp_path / "cut.zip", size)
        assert "is cut off or damaged" in refusal(course, tmp_path / "cut.zip")


def test_nothing_in_it(course: Course, tmp_path: Path) -> None:
    assert "holds no files" in refusal(course, make_zip(tmp_path / "empty.zip", {}))
    (tmp_path / "empty").mkdir()
    assert "the folder" in (said := refusal(course, tmp_path / "empty")) and "no files" in said


def test_nothing_there(course: Course, tmp_path: Path) -> None:
    assert "there is no file" in refusal(course, tmp_path / "nothing.zip")
    os.mkfifo(tmp_path / "pipe.zip")
    assert "is not a file" in refusal(course, tmp_path / "pipe.zip")
    assert "is a course, not submissions" in refusal(course, course.folder)


def test_too_many_files(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_MEMBERS", 3)
    path = make_zip(tmp_path / "many.zip", {f"{i}.ipynb": b"" for i in range(4)})
    assert "holds 4 files, more than 3: split it" in refusal(course, path)
    folder = tmp_path / "many"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    assert "holds more than 3 files" in refusal(course, folder)


def test_nothing_that_can_be_used(course: Course, tmp_path: Path) -> None:
    path = make_zip(tmp_path / "bad.zip", {"../a.ipynb": b"1", "__MACOSX/._a": b"2"})
    report = collect(course, "derivative", path)
    assert not report.ok
    assert any("Nothing in this archive could be used" in line for line in report.notes)
    assert len(list(course.inbox.glob("*.zip"))) == 1


# ── single files


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("/etc/jdoe.ipynb", "its name is an absolute path"),
        ("\\jdoe.ipynb", "its name is an absolute path"),
        ("../jdoe.ipynb", "its name leads out of the folder with '..'"),
        ("jdoe/../../x.ipynb", "its name leads out of the folder with '..'"),
        ("jdoe\\..\\x.ipynb", "its name leads out of the folder with '..'"),
        ("C:/jdoe.ipynb", "its name begins with a drive letter"),
        ("c:jdoe.ipynb", "its name begins with a drive letter"),
        ("jdoe\\derivative.ipynb", "its name holds a backslash"),
        (special("jdoe/derivative.ipynb"), "it is a symbolic link"),
        (special("jdoe/derivative.ipynb", stat.S_IFIFO), "it is not a plain file"),
        (special("jdoe/derivative.ipynb", stat.S_IFBLK), "it is not a plain file"),
    ],
)
def test_names_and_kinds_that_are_refused(
    course: Course, tmp_path: Path, name: str | zipfile.ZipInfo, why: str
) -> None:
    path = tmp_path / "sent.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, b"/etc/passwd")
        archive.writestr("bray.ipynb", notebook())
    report = collect(course, "derivative", path)
    (bad, good) = report.records()
    assert (bad["what"], bad["note"]) == ("refused", why)
    assert bad["kept as"].startswith("inbox/")
    assert good["what"] == "accepted"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["course", "sent.zip"]
    assert not any(p.is_symlink() for p in course.folder.rglob("*"))
    assert sum(p.suffix == ".ipynb" for p in course.folder.rglob("*")) == 2  # attempt and submitted


def patched(path: Path, old: bytes, new: bytes) -> Path:
    """Change bytes in both headers of a zip."""
    content = path.read_bytes()
    assert content.count(old) >= 2
    path.write_bytes(content.replace(old, new))
    return path


def test_a_zero_byte_in_a_name(course: Course, tmp_path: Path) -> None:
    path = make_zip(tmp_path / "sent.zip", {"bray.ipynb": b"{}", "jdoe.ipynb?.exe": b"x"})
    patched(path, b"jdoe.ipynb?", b"jdoe.ipynb\0")
    report = collect(course, "derivative", path)
    assert report.records()[1]["note"] == "its name holds a zero byte"


def test_an_encrypted_file(course: Course, tmp_path: Path) -> None:
    path = make_zip(tmp_path / "sent.zip", {"jdoe.ipynb": b"x", "bray.ipynb": b"{}"})
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag in the file's header, and in the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    report = collect(course, "derivative", path)
    assert what(report)["jdoe.ipynb"] == ("jdoe", "refused")
    assert "encrypted: ask the student" in note(report, "jdoe.ipynb")
    missing = (course.reports / "missing-derivative.csv").read_text()
    assert "jdoe,Jane Doe,jane@school.edu,a file was refused" in missing


def test_a_damaged_file(course: Course, tmp_path: Path) -> None:
    path = tmp_path / "sent.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("jdoe.ipynb", b"0123456789")
        archive.writestr("bray.ipynb", b"{}")
    path.write_bytes(path.read_bytes().replace(b"0123456789", b"0123456788"))
    report = collect(course, "derivative", path)
    assert what(report)["jdoe.ipynb"] == ("jdoe", "refused")
    assert note(report, "jdoe.ipynb").startswith("it is damaged")
    assert what(report)["bray.ipynb"] == ("bray", "accepted")


def test_a_way_of_packing_that_is_not_known(course: Course, tmp_path: Path) -> None:
    path = make_zip(tmp_path / "sent.zip", {"jdoe.ipynb": b"x" * 99})
    content = bytearray(path.read_bytes())
    for place, offset in ((0, 8), (content.index(b"PK\x01\x02"), 10)):
        struct.pack_into("<H", content, place + offset, 97)
    path.write_bytes(content)
    assert "packed in a way that cannot be read" in note(
        collect(course, "derivative", path), "jdoe.ipynb"
    )


def test_a_file_that_is_too_large(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 2**20)
    path = make_zip(tmp_path / "s.zip", {"jdoe.ipynb": b"0" * (2**20 + 1), "bray.ipynb": b"{}"})
    report = collect(course, "derivative", path)
    assert note(report, "jdoe.ipynb").startswith("it is too large: it unpacks to more than 1 MB")
    assert what(report)["bray.ipynb"] == ("bray", "accepted")


def test_a_size_that_is_a_lie(course: Course, tmp_path: Path) -> None:
    path = make_zip(tmp_path / "sent.zip", {"jdoe.ipynb": b"0" * 5000})
    patched(path, struct.pack("<I", 5000), struct.pack("<I", 50))
    assert "it is damaged" in note(collect(course, "derivative", path), "jdoe.ipynb")


def test_a_bomb_is_stopped_and_takes_no_space_from_others(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 10 * 2**20)
    monkeypatch.setattr(limits, "MAX_SENDER_BYTES", 5 * 2**20)
    files = [("jdoe/bomb.ipynb", b"0" * 20 * 2**20)]
    files += [(f"bray/{i}.ipynb", os.urandom(2**20)) for i in range(7)]
    files += [("jnunez.ipynb", notebook())]
    report = collect(course, "derivative", make_zip(tmp_path / "sent.zip", files))
    said = "it is too large: it unpacks to more than 10 MB from only 20 kB: a zip bomb?"
    assert note(report, "jdoe/bomb.ipynb") == said
    assert note(report, "bray/6.ipynb") == "its sender has more than 5 MB in this zip"
    assert what(report)["bray/2.ipynb"][1] != "refused"
    assert what(report)["jnunez.ipynb"] == ("jnunez", "accepted")


def test_the_whole_has_a_limit(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_TOTAL_BYTES", 1000)
    path = make_zip(tmp_path / "s.zip", {"jdoe.ipynb": b"0" * 600, "bray.ipynb": b"0" * 600})
    refused = [r for r in collect(course, "derivative", path).records() if r["what"] == "refused"]
    assert len(refused) == 1 and "the zip unpacks to more than" in refused[0]["note"]


def test_system_files_are_ignored(course: Course, tmp_path: Path) -> None:
    names = ["__MACOSX/._jdoe.ipynb", "jdoe/.DS_Store", "jdoe/._x", "Thumbs.db", "jdoe/"]
    path = make_zip(tmp_path / "sent.zip", {**GOOD, **dict.fromkeys(names, b"")})
    report = collect(course, "derivative", path)
    assert [what(report)[name][1] for name in names] == ["ignored"] * 5


def test_names_in_old_encodings(tmp_path: Path, course: Course) -> None:
    place = "José Núñez_1_assignsubmission_file_/a.ipynb"
    for number, raw in enumerate((place.encode(), place.encode("cp437"), place.encode("cp1252"))):
        ascii_name = "J" + "x" * (len(raw) - 1)
        path = make_zip(tmp_path / f"{number}.zip", {ascii_name: b"{}"})
        report = collect(course, "derivative", patched(path, ascii_name.encode(), raw))
        assert report.records()[0]["student"] == "jnunez"


def test_one_name_twice(course: Course, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = make_zip(tmp_path / "s.zip", [("jdoe/a.ipynb", b"one"), ("jdoe/a.ipynb", b"two")])
    report = collect(course, "derivative", path)
    kept = [course.folder / r["kept as"] for r in report.records()]
    assert sorted(p.read_bytes() for p in kept) == [b"one", b"two"]


# ── folders and single notebooks


def test_a_folder_is_the_zip_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "jdoe").mkdir(parents=True)
    (folder / "jdoe" / "derivative.ipynb").write_bytes(notebook())
    (folder / "link.ipynb").symlink_to("/etc/passwd")
    (folder / "links").symlink_to("/etc")
    os.mkfifo(folder / "bray.ipynb")
    with open(os.fsencode(folder) + b"/\xff.ipynb", "wb") as odd:
        odd.write(b"odd")
    course = make_course(tmp_path / "course")
    first = collect(course, "derivative", folder)
    assert what(first) == {
        "jdoe/derivative.ipynb": ("jdoe", "accepted"),
        "link.ipynb": ("", "refused"),
        "links": ("", "refused"),
        "bray.ipynb": ("bray", "refused"),
        "%FF.ipynb": ("", "unknown student"),
    }
    before = tree(course.folder)
    again = collect(course, "derivative", folder)
    assert "Nothing has changed since." in again.notes
    assert tree(course.folder) == before


def test_a_single_notebook(course: Course, tmp_path: Path) -> None:
    (tmp_path / "jdoe_derivative.ipynb").write_bytes(notebook())
    report = collect(course, "derivative", tmp_path / "jdoe_derivative.ipynb")
    assert what(report) == {"jdoe_derivative.ipynb": ("jdoe", "accepted")}


def test_a_single_notebook_of_nobody_is_given_to_one(course: Course, tmp_path: Path) -> None:
    path = tmp_path / "derivative.ipynb"
    path.write_bytes(notebook())
    assert what(collect(course, "derivative", path)) == {path.name: ("", "unknown student")}
    with pytest.raises(CourseError, match=r"no student 'jdo' in the roster .did you mean 'jdoe'"):
        collect(course, "derivative", path, student="jdo")
    report = collect(course, "derivative", path, student="JDOE")
    assert what(report) == {path.name: ("jdoe", "accepted")}
    assert not list((course.folder / "unmatched").rglob("*.ipynb"))
    # Said once, it stays said.
    again = collect(course, "derivative", path)
    assert what(again) == {path.name: ("jdoe", "same as before")}
    assert "As before, all of it is taken as jdoe's." in again.notes


# ── a full disk


@pytest.mark.parametrize("after", range(0, 24, 3))
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    path = make_zip(tmp_path / "s.zip", {f"{s.id}.ipynb": notebook(s.id) for s in ROSTER.students})
    clean = make_course(tmp_path / "clean")
    collect(clean, "derivative", path)
    course = make_course(tmp_path / "course")
    left, sync = after, os.fsync

    def fsync(handle: int) -> None:
        nonlocal left
        left -= 1
        if left < 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(_files.os, "fsync", fsync)
        try:
            collect(course, "derivative", path)
        except CourseError as error:
            assert "there is no space left" in str(error)
            assert "nothing is half written" in str(error)
            assert "run the same command again" in str(error)
        except OSError as error:  # before anything was begun: the lock itself
            assert error.errno == errno.ENOSPC
    assert not [p for p in course.folder.rglob("*") if p.name.startswith(_files.PART)]
    collect(course, "derivative", path)
    assert without_seed(course) == without_seed(clean)


def without_seed(course: Course) -> dict[str, bytes]:
    return {n: c for n, c in tree(course.folder).items() if n != "overlay/term_seed"}
