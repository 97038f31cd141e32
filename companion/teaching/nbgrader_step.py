"""The course's step in `nbgrader autograde`: what a submission has lost is put back first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Int, Unicode

from companion.teaching.submissions import CELL_SECONDS, LESSON_CELL_SECONDS, restore


class RestoreCells(NbGraderPreprocessor):
    """Restores answers and checks by `companion.teaching.submissions.restore`.

    `source` is nbgrader's folder of sources, `seconds` what a learner's own cell may take.
    """

    source = Unicode().tag(config=True)
    seconds = Int(CELL_SECONDS).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict]:
        """Return the notebook restored; what was found goes to nbgrader's log."""
        about = resources["nbgrader"]
        path = Path(self.source, about["assignment"], f"{about['notebook']}.ipynb")
        restored, remarks = restore(nb, nbformat.read(path, as_version=4), self.seconds)
        for remark in remarks:
            self.log.warning("%s: %s", about["student"], remark)
        return restored, resources


def seconds_of(cell: NotebookNode) -> int:
    """Return how many seconds a restored cell may take; nbgrader asks before it runs one."""
    return cell.metadata.get("seconds", LESSON_CELL_SECONDS)
