"""The page that says how to use the course, against the lessons that it sends its readers to."""

import json
import re

from tests.conftest import ROOT

PAGE = (ROOT / "notebooks" / "how-to-use.md").read_text("utf-8")
EVENINGS = re.findall(r"^\| (\d+) \| (.*) \| (\d+) \|$", PAGE, re.M)
LESSON = re.compile(r"\]\((\d\d\w?_\w+\.ipynb)\)")


def learning_minutes(name):
    cells = json.loads((ROOT / "notebooks" / name).read_text("utf-8"))["cells"]
    text = "".join("".join(cell["source"]) for cell in cells)
    return int(re.search(r"\*\*Learning time:\*\* (\d+) minutes", text)[1])


def test_the_evenings_take_the_lessons_own_minutes():
    assert [int(number) for number, _, _ in EVENINGS] == list(range(1, 12))
    for number, parts, minutes in EVENINGS:
        found = sum(map(learning_minutes, LESSON.findall(parts)))
        assert found == int(minutes), f"evening {number}"


def test_every_lesson_has_its_evening():
    listed = [name for _, parts, _ in EVENINGS for name in LESSON.findall(parts)]
    lessons = [path.name for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")]
    assert sorted(listed) == sorted(lessons)


def test_the_hour_is_an_hour():
    rows = re.findall(r"^\| (\d+)-(\d+) \|", PAGE, re.M)
    ends = [int(end) for _, end in rows]
    assert [int(start) for start, _ in rows] == [0, *ends[:-1]]
    assert ends[-1] == 60
