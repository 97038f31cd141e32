"""Calls about a learner's own data that go wrong: what the table of messages is measured with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from companion.cli.own import found_in
from companion.data.own import find_pictures
from companion.data.own_tables import find_rows
from companion.data.prepared import prepare
from companion.data.report import examine
from companion.data.stream import stream_column
from companion.evidence.curves import gain_of_doubling
from companion.experiments.own_plan import Costs, Room, load_plan, make_plan
from companion.experiments.suggest import Advantage, Suggestion
from companion.models.exported import CARD, hash_of, open_exported
from tests.message_calls import new_folder, picture


def table(content: str, name: str = "mine.csv") -> Path:
    path = new_folder() / name
    path.write_text(content, "utf-8")
    return path


def rows(content: str, name: str = "mine.csv") -> None:
    find_rows(table(content, name), text="text", label="label")


def three_rows() -> None:
    found = find_rows(table("text,label\na,yes\nb,no\nc,yes\n"), text="text", label="label")
    prepare(found, examine(found))


def in_two_places() -> None:
    found_in(Path("a"), Path("b.csv"), text=None, image=None, label=None, group=None)


def one_class() -> None:
    folder = new_folder() / "pets"
    (folder / "cats").mkdir(parents=True)
    picture(b"").rename(folder / "cats" / "1.png")
    (folder / "notes.txt").write_text("mine")
    find_pictures(folder)


def short_of_time() -> None:
    room = Room({"linear probe": Costs(2.0, 0.1, 0.0, 0.1)}, 100, 20.0)
    found = Suggestion((Advantage("linear probe", 0.0, 0.0, 0.0),), ("linear probe",), 1.0)
    make_plan("mine", 0.5, [400, 200, 100, 50], room, found, 60.0)


def another_plan() -> None:
    file = new_folder() / "plan.json"
    file.write_text(json.dumps({"fits": "theirs"}))
    load_plan(file, "mine")


def exported(classes: tuple[str, ...] = ("no", "yes"), other_weights: bool = False) -> None:
    folder = new_folder()
    save_file({"weight": np.zeros(2, np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"label_names": classes}))
    card = {"kind": "texts", "classes": ["no", "yes"]}
    card["sha256"] = "0" * 64 if other_weights else hash_of(folder / "model.safetensors")
    (folder / CARD).write_text(json.dumps(card))
    open_exported(folder)


def stream(content: str, name: str) -> None:
    list(stream_column(table(content, name), "text"))


def one_size() -> None:
    gain_of_doubling([50], np.zeros((3, 1)), 0.0)
