"""Rosters as Canvas, Moodle and people write them; names that must not be guessed."""

from pathlib import Path

import pytest

from secondorder_course import CourseError, Roster, Student
from secondorder_course._names import name_key
from secondorder_course.roster import RosterError


def read(tmp_path: Path, text: str, encoding: str = "utf-8") -> Roster:
    path = tmp_path / "roster.csv"
    path.write_bytes(text.encode(encoding))
    return Roster.read(path)


def problems(tmp_path: Path, text: str, encoding: str = "utf-8") -> tuple[str, ...]:
    with pytest.raises(RosterError) as error:
        read(tmp_path, text, encoding)
    assert isinstance(error.value, CourseError)
    assert all(str(tmp_path / "roster.csv") in problem for problem in error.value.problems)
    return error.value.problems


JANE = Student("jdoe", "Doe", "Jane", "jane@school.edu")


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_plain_files(tmp_path: Path, mark: str, encoding: str) -> None:
    text = "ID,Last Name,FIRST_NAME,E-Mail\njdoe,Doe,Jane,jane@school.edu\n\nx2,Núñez,José,\n"
    roster = read(tmp_path, text.replace(",", mark), encoding)
    assert roster.students == (JANE, Student("x2", "Núñez", "José"))


@pytest.mark.parametrize(
    ("heads", "row"),
    [
        ("student id,surname,given name,email address", "jdoe,Doe,Jane,jane@school.edu"),
        ("id,name,email", 'jdoe,"Doe, Jane",jane@school.edu'),
        ("id,full name,email", "jdoe,Jane Doe,jane@school.edu"),
        ("Section,Student Number,LASTNAME,FIRSTNAME,EMAIL", "1,jdoe,Doe,Jane,jane@school.edu"),
    ],
)
def test_heads_of_columns(tmp_path: Path, heads: str, row: str) -> None:
    assert read(tmp_path, f"{heads}\n{row}\n").students == (JANE,)


CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Unit 1 (17)
,,,,,Manual Posting
    Points Possible,,,,,10.00
"Doe, Jane",1234,u001,jane@school.edu,S1,9
"Núñez, José",1235,u002,jose@school.edu,S1,
"Student, Test",99,,abbc6740f0b946af,S1,
"""


@pytest.mark.parametrize("upper", [False, True])
def test_canvas(tmp_path: Path, upper: bool) -> None:
    heads, _, rows = CANVAS.partition("\n")
    roster = read(tmp_path, f"{heads.upper() if upper else heads}\n{rows}")
    assert roster.students == (
        Student("u001", "Doe", "Jane", "jane@school.edu", "1234"),
        Student("u002", "Núñez", "José", "jose@school.edu", "1235"),
    )
    assert any("test student is left out" in note for note in roster.notes)
    assert any("'sis user id'" in note.lower() for note in roster.notes)


def test_canvas_of_a_school_without_numbers(tmp_path: Path) -> None:
    roster = read(tmp_path, CANVAS.replace("u001", "").replace("u002", ""))
    assert [s.id for s in roster.students] == ["jane@school.edu", "jose@school.edu"]
    text = CANVAS.replace("u001", "").replace("u002", "")
    text = text.replace("jane@school.edu", "").replace("jose@school.edu", "")
    assert [s.id for s in read(tmp_path, text).students] == ["1234", "1235"]


def test_somebody_may_be_called_test_student(tmp_path: Path) -> None:
    assert len(read(tmp_path, CANVAS.replace("99,,", "99,u099,"))) == 3


@pytest.mark.parametrize("surname", ["Surname", "Last name", "LAST NAME"])
def test_moodle(tmp_path: Path, surname: str) -> None:
    text = f'"First name",{surname},"ID number","Email address"\nJane,Doe,jdoe,jane@school.edu\n'
    assert read(tmp_path, text).students == (JANE,)


def test_moodle_without_numbers_takes_the_address(tmp_path: Path) -> None:
    text = "First name,Surname,ID number,Email address\nJane,Doe,,j@x.org\nBob,Ray,7,b@x.org\n"
    roster = read(tmp_path, text)
    assert [s.id for s in roster.students] == ["j@x.org", "b@x.org"]
    assert "ids are taken from the column 'Email address'" in roster.notes


def test_windows_1252_is_read_with_a_note(tmp_path: Path) -> None:
    roster = read(tmp_path, "id;last name;first name\nx;Müller;Zoë\n", "cp1252")
    assert roster.students[0].name == "Zoë Müller"
    assert any("Windows-1252" in note for note in roster.notes)


def test_what_is_stored_is_what_is_read(tmp_path: Path) -> None:
    students = (
        Student("a-1", 'O"Brien, Jr.', "=cmd()", "+x@y.org", "5"),
        Student("b", "Łuków", "'t", "", ""),
        Student("C.d@e_f", "", "陳大文", "", ""),
    )
    Roster(students).write(tmp_path / "roster.csv")
    assert Roster.read(tmp_path / "roster.csv").students == students
    assert "'=cmd()" in (tmp_path / "roster.csv").read_text()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["is empty: it needs a line of column names"]),
        ("\n \n", ["is empty"]),
        ("id,name\n", ["names no student"]),
        ("nom,prénom\na,b\n", ["has no column with ids, only 'nom', 'prénom': name one 'id'"]),
        ("id,name\n,Jane\n", ["line 2, column 'id': the id is empty"]),
        ("id,name\na/b,Jane\n", ["line 2, column 'id': the id 'a/b' cannot be a folder name"]),
        ("id,name\n..,Jane\n", ["the id '..' cannot be"]),
        ("id,name\n-x,Jane\n", ["the id '-x' cannot be"]),
        ("id,name\nnul,Jane\n", ["the id 'nul' cannot be"]),
        ("id,name\nmüller,Jane\n", ["the id 'müller' cannot be", "letters a to z"]),
        (f"id,name\n{'x' * 65},Jane\n", ["cannot be a folder name: use up to 64"]),
        ("id,name\na,J\nb,K\na,L\n", ["line 4, column 'id': the id 'a' stands on lines 2 and 4"]),
        ("id,name\nab,J\nAB,K\n", ["the ids 'ab' (line 2) and 'AB' differ only by case"]),
        ("id,name\na,Doe, Jane\n", ["line 2: 3 cells for 2 columns", "is 'Jane'", "a comma"]),
        ("id;name\na;Doe;Jane\n", ["put quotation marks around cells that hold the sign ';'"]),
        ('id,name\na,"Doe\n', ["line 2: ", "quotation mark without its partner"]),
        ("id,id,name\na,b,J\n", ["line 1: the column 'id' stands twice: delete one"]),
        ("id,name,lms id\na,J,7\nb,K,07\n", ["line 3: the number '07' of Canvas stands on line 2"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, parts: list[str]) -> None:
    said = "\n".join(problems(tmp_path, text))
    for part in parts:
        assert part in said


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, "id,name\na/b,J\n,K\nc,L\nc,M\n")) == 3


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    text = 'sep=,\nid,name\na,"Jane\nDoe"\n\nb/c,K\n'
    assert "line 6," in problems(tmp_path, text)[0]


def test_other_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="there is no file"):
        Roster.read(tmp_path / "nothing.csv")
    with pytest.raises(CourseError, match="is a folder"):
        Roster.read(tmp_path)
    (tmp_path / "book.xlsx").write_bytes(b"PK\x03\x04...")
    with pytest.raises(CourseError, match="is a workbook, not CSV"):
        Roster.read(tmp_path / "book.xlsx")
    (tmp_path / "odd.csv").write_bytes(b"id,name\na,\x81\xff\n")
    with pytest.raises(CourseError, match="line 2: the byte 0x81 is neither UTF-8 nor"):
        Roster.read(tmp_path / "odd.csv")


# ── names


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("José Núñez", "jose nunez"),
        ("Jose\u0301", "Jos\u00e9"),  # an accent of its own, and one with its letter
        ("O'Brien-Smith", "obriensmith"),
        ("Straße", "STRASSE"),
        ("Łukasz Ørsted", "lukasz orsted"),
        ("İpek Işık", "ipek isik"),
        ("陳大文", "陳 大文"),
        ("Ａda", "ada"),
    ],
)
def test_one_name_written_in_two_ways(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(("one", "other"), [("Jo", "Joe"), ("कि", "का"), ("ada", "eda")])
def test_two_names_stay_two(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


def test_both_orders_of_names_are_found() -> None:
    roster = Roster((JANE, Student("x", "Núñez García", "José")))
    for name in ("Jane Doe", "Doe, Jane", "doejane", "JANE DOE"):
        assert roster.named(name) == [JANE]
    assert [s.id for s in roster.named("nunezgarciajose")] == ["x"]
    assert roster.named("José Núñez") == [] and roster.named("") == [] and roster.named("!") == []


def test_a_shared_name_is_known_as_such(tmp_path: Path) -> None:
    roster = read(tmp_path, "id,last name,first name\na,Smith,John\nb,smith,JOHN\nc,John,Smith\n")
    assert [[s.id for s in group] for group in roster.ambiguous] == [["a", "b", "c"]]
    assert len(roster.named("John Smith")) == 3
    assert any("share a name: their files are told apart by id only" in n for n in roster.notes)


def test_students_are_found_by_other_marks() -> None:
    roster = Roster((Student("JDoe", "Doe", "Jane", "Jane@x.org", "0042"), Student("b")))
    assert roster.get("jdoe") == roster.by_email("jane@X.org") == roster.by_lms_id("42")
    assert (
        roster.get("doe") is None and roster.by_lms_id("") is None and roster.by_email("") is None
    )


def test_a_shared_address_tells_nobody() -> None:
    roster = Roster((Student("a", email="x@y.z"), Student("b", email="X@y.z")))
    assert roster.by_email("x@y.z") is None


def test_the_closest_names() -> None:
    roster = Roster((JANE, Student("bray", "Ray", "Bob"), Student("x", "Dow", "Jane")))
    assert [s.id for s in roster.closest("doejan")] == ["jdoe", "x"]
    assert [s.id for s in roster.closest("brayy")] == ["bray"]
    assert roster.closest("zzzzqqq") == []
