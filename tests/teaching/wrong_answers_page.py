"""The teacher's page of what students get wrong, written from the wrong answers of the tests.

    python -m tests.teaching.wrong_answers_page

Each line is what the check really says to a wrong answer, from the sentence that names the mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from companion.teaching.checks import EXERCISES, NOT_YET, judge

PAGE = Path(__file__).resolve().parents[2] / "notebooks" / "wrong-answers.md"
TITLES = {
    "R": "Refreshers",
    "00": "Start here",
    "01": "What a pretrained model already knows",
    "02": "Freezing and fine-tuning",
    "03": "Fine-tuning BERT",
    "04": "One body, three heads",
    "05": "Domain adaptation",
    "06": "Few-shot and in-context learning",
    "07": "Your own data",
}
MOST = 320  # characters of a message
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[A-Z`])")
_CASE = re.compile(  # the learner's own case, which `compare` puts before the cause
    r"^for .* your function returned .*?; expected (?:\(.*?\)|\[.*?\]|'[^']*'|[^\s;]+)\.\s+"
)


def page(wrong: Sequence[tuple[str, str, object]]) -> str:
    """Return the page; `wrong` holds (exercise, words of its message, answer)."""
    count = len({(exercise, key) for exercise, key, _ in wrong})
    lines = [
        "# What students get wrong",
        "",
        f"The checks know {count} mistakes in {len(EXERCISES)} exercises. Each line below is what",
        "a check says to one of them, after the learner's own case with its numbers. An answer",
        "that is wrong in another way is shown a case that it fails.",
    ]
    lesson = ""
    for exercise in EXERCISES.values():
        if exercise.lesson != lesson:
            lesson = exercise.lesson
            lines += ["", f"## {lesson} {TITLES[lesson]}"]
        points = f"{exercise.points} point{'s' if exercise.points > 1 else ''}"
        about = f"{exercise.difficulty}, {exercise.minutes} minutes, {points}"
        lines += ["", f"### {exercise.id} {exercise.title}", "", f"*{exercise.goal}* ({about})", ""]
        lines += [f"- {told}" for told in _told(exercise.id, wrong)]
    return "\n".join(lines) + "\n"


def _told(exercise_id: str, wrong: Sequence[tuple[str, str, object]]) -> Iterator[str]:
    """Yield once each message to the wrong answers of an exercise."""
    seen = set()
    for other, key, answer in wrong:
        if other == exercise_id and key not in seen:
            seen.add(key)
            result = judge(EXERCISES[exercise_id], answer)
            assert result.state == NOT_YET, (exercise_id, key)
            yield named_cause(result.text.removeprefix(f"{exercise_id} {NOT_YET}: "), key)


def named_cause(text: str, key: str) -> str:
    """Return what a message says after its case, or from the sentence that holds `key` on."""
    message = " ".join(text.split("\nWhile it was checked")[0].split())
    case = _CASE.match(message)
    if case and key in message[case.end() :]:
        message, key = message[case.end() :], ""  # all of the cause
    sentences = _SENTENCE_END.split(message)
    first = next((i for i, sentence in enumerate(sentences) if key in sentence), 0)
    if first == 0 and " your function returned " in sentences[0] and len(sentences) > 1:
        first = 1  # what was tried; the mistake is named after it
    cause = " ".join(sentences[first:])
    cause = re.sub(r"\d+\.\d{5,}", lambda m: f"{float(m[0]):.4g}", cause)  # as on any processor
    cause = re.sub(r"\[Parameter containing.*", "[Parameter, ...].", cause)  # drawn at random
    cause = cause if len(cause) <= MOST else cause[:MOST].rsplit(" ", 1)[0] + " ..."
    named = re.match(r"\w+\.\w|\w+ = ", cause)  # head.bias stays small, and so does k = 3
    cause = cause if named else cause[0].upper() + cause[1:]
    return cause.replace("<", "&lt;").replace("*", r"\*")


if __name__ == "__main__":
    from tests.teaching.test_checks import WRONG

    PAGE.write_text(page(WRONG), "utf-8")
    print(f"{PAGE}: {len(WRONG)} wrong answers")
