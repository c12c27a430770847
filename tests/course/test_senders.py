"""Who sent a file, read from its name alone."""

import pytest
from classroom import ROSTER

from secondorder_course.collecting.senders import read_sender
from secondorder_course.roster import Roster, Student


def who(name: str, unit: str = "derivative", roster: Roster = ROSTER) -> str | None:
    sender = read_sender(name, unit, roster)
    return sender.student.id if sender.student else None


@pytest.mark.parametrize(
    "name",
    [
        "doejane_1234_56789_derivative.ipynb",
        "doejane_LATE_1234_56789_derivative-2.ipynb",
        "submissions/doejane_1234_56789_my_file_1_2.ipynb",
        "doejane_1234_text.html",
        "doejane_LATE_1234_link.html",
    ],
)
def test_canvas(name: str) -> None:
    sender = read_sender(name, "derivative", ROSTER)
    assert sender.student == ROSTER.get("jdoe")
    assert sender.label == "doejane_1234"
    assert sender.late is ("LATE" in name)


def test_canvas_tells_the_file_and_its_number() -> None:
    sender = read_sender("doejane_LATE_1234_56789_a_1_b.ipynb", "derivative", ROSTER)
    assert (sender.file, sender.attachment) == ("a_1_b.ipynb", 56789)
    assert read_sender("doejane_1234_text.html", "derivative", ROSTER).attachment is None


def test_canvas_numbers_tell_people_of_one_name_apart() -> None:
    assert who("smithjohn_1237_1_x.ipynb") == "jsmith1"
    assert who("smithjohn_1238_1_x.ipynb") == "jsmith2"


def test_canvas_a_number_that_is_nobodys_is_never_guessed() -> None:
    sender = read_sender("doejane_777_1_x.ipynb", "derivative", ROSTER)
    assert sender.student is None
    assert sender.why == "Canvas's number 777 is not that of Jane Doe (jdoe), 1234"


def test_canvas_a_number_with_another_name_is_said() -> None:
    sender = read_sender("doejanet_1234_1_x.ipynb", "derivative", ROSTER)
    assert sender.student == ROSTER.get("jdoe")
    assert "'doejanet', Canvas's number says Jane Doe (jdoe)" in sender.why


def test_canvas_without_numbers_in_the_roster_goes_by_name() -> None:
    plain = Roster(tuple(Student(s.id, s.last_name, s.first_name) for s in ROSTER.students))
    assert who("núñezjosé_9_1_x.ipynb", roster=plain) == "jnunez"
    sender = read_sender("smithjohn_9_1_x.ipynb", "derivative", plain)
    assert sender.student is None and [s.id for s in sender.several] == ["jsmith1", "jsmith2"]


def test_canvas_that_hides_names_says_so() -> None:
    for name in ("anon_aB3x9_56789_x.ipynb", "LATE_anon_aB3x9_56789_x.ipynb"):
        sender = read_sender(name, "derivative", ROSTER)
        assert sender.student is None and sender.label == "anon_aB3x9"
        assert "turn anonymous grading off" in sender.why


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Jane Doe_123456_assignsubmission_file/a.ipynb", "a.ipynb"),
        ("Jane Doe_123456_assignsubmission_file_/a.ipynb", "a.ipynb"),
        ("Jane Doe_123456_assignsubmission_file_a.ipynb", "a.ipynb"),
        ("Jane Doe_123456_assignsubmission_file_/sub/a_b.ipynb", "sub/a_b.ipynb"),
        ("Jane Doe_123456_assignsubmission_onlinetext_/onlinetext.html", "onlinetext.html"),
        ("DOE Jane_123456_assignsubmission_file/a.ipynb", "a.ipynb"),
        ("Jane Doe_assignsubmission_file_/a.ipynb", "a.ipynb"),
        ("all/Jane Doe_123456_assignsubmission_file_/a.ipynb", "a.ipynb"),
        ("jdoe Jane Doe_123456_assignsubmission_file/a.ipynb", "a.ipynb"),
    ],
)
def test_moodle(name: str, file: str) -> None:
    sender = read_sender(name, "derivative", ROSTER)
    assert sender.student == ROSTER.get("jdoe")
    assert sender.file == file
    assert sender.late is None


def test_moodle_never_guesses() -> None:
    sender = read_sender("John Smith_5_assignsubmission_file_/a.ipynb", "derivative", ROSTER)
    assert sender.student is None and len(sender.several) == 2 and sender.label == "John Smith_5"
    # A name that is the id of another student is not that student.
    assert who("bray_5_assignsubmission_file_/a.ipynb") is None
    hidden = read_sender("Participant_5_assignsubmission_file_/a.ipynb", "derivative", ROSTER)
    assert hidden.student is None and "reveal the students' identities" in hidden.why


@pytest.mark.parametrize(
    "name",
    [
        *("jdoe/derivative.ipynb", "JDoe/x.ipynb", "submitted/jdoe/derivative/derivative.ipynb"),
        *("jdoe.ipynb", "jdoe_derivative.ipynb", "derivative_jdoe.ipynb", "derivative-jdoe.ipynb"),
        *(
            "jdoe (1).ipynb",
            "derivative jdoe (2).ipynb",
            "Jane Doe.ipynb",
            "Jane Doe derivative.ipynb",
        ),
        *("Doe, Jane/derivative.ipynb", "Doe, Jane (jdoe)/a.ipynb", "jdoe - Jane Doe/a.ipynb"),
        *("doe_jane_jdoe.ipynb", "jane@school.edu/a.ipynb", "jane@school.edu_derivative.ipynb"),
    ],
)
def test_plain(name: str) -> None:
    assert who(name) == "jdoe"


@pytest.mark.parametrize(
    "name",
    [
        *("derivative.ipynb", "x/derivative.ipynb", "jdo.ipynb", "jdoe2.ipynb", "Jane.ipynb"),
        *("jdoe_Bob Ray.ipynb", "John Smith.ipynb", "gradient_jdoe.ipynb", "my jdoe file.ipynb"),
    ],
)
def test_plain_names_that_tell_nobody(name: str) -> None:
    assert who(name) is None


def test_people_of_one_name_are_told_apart_by_folders_only() -> None:
    assert who("Smith, John (jsmith2)/derivative.ipynb") == "jsmith2"
    # The student chose the name of the file: one John Smith could write the other's id.
    assert who("Smith, John/jsmith2_derivative.ipynb") is None


def test_a_file_in_the_folder_of_another_is_said() -> None:
    sender = read_sender("jdoe/bray.ipynb", "derivative", ROSTER)
    assert sender.student == ROSTER.get("jdoe")
    assert sender.why == "the file in the folder of jdoe carries the name of Bob Ray (bray)"


def test_a_plain_name_may_look_like_canvas() -> None:
    roster = Roster((Student("derivative_2030_11_x"), Student("a_1_2_b")))
    assert who("a_1_2_b.ipynb", roster=roster) == "a_1_2_b"


def test_labels_never_take_in_a_whole_zip() -> None:
    for name, label in (
        ("all/ann.ipynb", "all/ann.ipynb"),
        ("all/Ann X/derivative.ipynb", "all/Ann X"),
        ("derivative.ipynb", "derivative.ipynb"),
    ):
        assert read_sender(name, "derivative", ROSTER).label == label


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("Jane Doe_1_assignsubmission_file_/raybob_1236_5_derivative.ipynb", "jdoe"),
        ("Jane Doe_1_assignsubmission_file_/bray.ipynb", "jdoe"),
        ("Jane Doe_1_assignsubmission_file_Bob Ray_2_assignsubmission_file_a.ipynb", "jdoe"),
        ("jdoe/raybob_1236_5_derivative.ipynb", "jdoe"),
        ("jdoe/Bob Ray_2_assignsubmission_file_a.ipynb", "jdoe"),
        ("doejane_1234_5_raybob_1236_6_derivative.ipynb", "jdoe"),
        ("doejane_1234_5_bray.ipynb", "jdoe"),
        ("Ann Lee_1_assignsubmission_file_/jdoe.ipynb", None),
        ("Ann Lee_1_assignsubmission_file_/doejane_1234_5_a.ipynb", None),
        ("John Smith_1_assignsubmission_file_/jsmith2.ipynb", None),
        ("leeann_9_5_jdoe.ipynb", None),
        ("leeann_9_5_Jane Doe.ipynb", None),
        ("leeann_9_5_doejane_1234_5_a.ipynb", None),
    ],
)
def test_a_file_name_cannot_make_it_the_work_of_another(name: str, student: str | None) -> None:
    assert who(name) == student
