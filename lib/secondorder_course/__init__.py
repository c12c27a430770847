"""Run the course "From Slope to Curvature" with a class: collect, grade, return.

A course is a folder. `Course` knows its layout and settings, `Roster` who is in it, `collect` takes
in what students handed in, and `Report` says what happened to every file. The commands of
`secondorder-course` are thin: each is one file in `commands/`.

This package stands beside the library `secondorder`, which never imports it.
"""

from .collect import collect
from .course import Course
from .errors import CourseError
from .report import Report
from .roster import Roster, Student

__all__ = ["Course", "CourseError", "Report", "Roster", "Student", "collect"]
