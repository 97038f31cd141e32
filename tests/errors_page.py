"""The page of messages, written from the table that tests them.

    python -m tests.errors_page

Each message is what the call really says, whole; only paths are shortened.
"""

from __future__ import annotations

import re
import tempfile

from huggingface_hub import constants

from companion.cli import explain
from tests.conftest import ROOT
from tests.messages import COMMANDS, GROUPS, Row

PAGE = ROOT / "notebooks" / "errors.md"
# Their words, numbers or lists depend on a library's version or on this machine, so the page
# keeps those of the day it was written; what the table says of them has to stand there still.
VARYING = {
    "The disk is full",
    "A picture file is empty",
    "A file is no picture",
    "A picture file ends early",
    "A CSV file is not in UTF-8",
    "A quotation mark is never closed",
    "A backbone's name is misspelt",
    "The tag of a network's weights is wrong",
    "A file of weights is damaged",
    "Frozen weights changed after the cache was made",
    "The loss is no number any more",
    "A checkpoint belongs to another training",
    "A model is trained on after its test",
    "A server does not answer",
}
INTRO = """\
# When something goes wrong

Messages of this course say what was expected, what was found, and what to do. Read the **last**
line first: above it Python lists the calls that led there, the newest at the bottom. A command
says it in one line, after `companion:`.

To find a message on this page, search for a few of its words that are no numbers and no names of
yours. In the book, press `s` or `/` to search all pages; in JupyterLab and on GitHub, search in
the page.

If nothing here fits, let the course examine the machine:

```bash
companion doctor --json
```

It lists versions, accelerator, disk, cache and assets, and under `problems` what does not fit
together, each with its cure. An error that is not of this form comes from a library, or is a
mistake of ours: keep the whole text, and the doctor's answer with it.

The messages below are real: a test makes each call. Names such as `mine.csv` and the numbers
are the test's. (The test that fills the disk only pretends to, so its message still finds room.)
"""


def page(told: dict[str, str]) -> str:
    """Return the page; `told` holds the printed message of each thing that was done."""
    lines = [INTRO]
    for group, rows in GROUPS.items():
        lines.append(f"## {group}\n")
        for done, *_ in rows:
            lines.append(f"### {done}\n\n```text\n{told[done]}\n```\n")
    return "\n".join(lines)


def all_told() -> dict[str, str]:
    """Make every call and return what each one prints."""
    return {row[0]: printed(group, row) for group, rows in GROUPS.items() for row in rows}


def printed(group: str, row: Row) -> str:
    """Return the message of one call as a learner sees it: in a notebook, or from a command."""
    try:
        row[1]()
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
        said = f"companion: {explain(error)}" if group in COMMANDS else words
        return without_paths(said)
    raise AssertionError(f"{row[0]}: expected {row[2].__name__}, found no error")


def without_paths(text: str) -> str:
    """Return a message without the folders of the machine that it was made on."""
    text = text.replace(str(ROOT), "course")
    text = re.sub(re.escape(tempfile.gettempdir()) + r"/\w+", "my-folder", text)
    return text.replace(constants.ENDPOINT, "https://huggingface.co")


def blocks(text: str) -> dict[str, str]:
    """Return the messages on the page by what was done."""
    return dict(re.findall(r"^### ([^\n]+)\n\n```text\n(.*?)\n```$", text, re.M | re.S))


if __name__ == "__main__":
    PAGE.write_text(page(all_told()), "utf-8")
    print(f"{PAGE}: {sum(map(len, GROUPS.values()))} messages")
