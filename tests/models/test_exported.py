"""Exported networks opened again: the same answers, and no others' weights or labels."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from companion.models.export import export_pictures, export_text
from companion.models.exported import CARD, answers, open_exported, write_card
from companion.models.heads import add_label_head
from companion.models.text import load_text_backbone
from companion.models.vision import EMBEDDED, load_backbone

TEXTS = ["A fine day.", "The cell is broken, and so is the next one in its row.", "no", "yes, but"]
ASK = """
import json, sys
from companion.models.exported import answers, open_exported
model = open_exported(sys.argv[1])
print(json.dumps([[a.item, a.label, a.chance.hex()] for a in answers(model, sys.argv[2:])]))
"""


@pytest.fixture(scope="module")
def text_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text")
    model = add_label_head(load_text_backbone("minilm_l6"), classes=3, seed=1)
    torch.nn.init.normal_(model.layers[-1][1].weight)
    export_text(model, ["bad", "fine", "odd"], folder, cap=32)
    write_card(folder, "texts", ["bad", "fine", "odd"], {"score": 0.7})
    return folder


@pytest.fixture(scope="module")
def picture_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    backbone = load_backbone("efficientnet_lite0", size=64, frozen_dtype=torch.float32)
    model = add_label_head(backbone, classes=2, seed=1)
    torch.nn.init.normal_(model.layers[-1][1].weight)
    export_pictures(model, EMBEDDED["efficientnet_lite0"][1], ["dark", "light"], folder)
    write_card(folder, "pictures", ["dark", "light"], {})
    return folder


def shots(folder: Path, n: int) -> list[str]:
    rng = np.random.default_rng(0)
    for i in range(n):
        pixels = rng.integers(0, 256, (80, 64 + i, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return [str(folder / f"{i}.png") for i in range(n)]


@pytest.mark.parametrize("kind", ["texts", "pictures"])
def test_a_new_process_gives_the_same_answers_bit_for_bit(
    kind: str, text_folder: Path, picture_folder: Path, tmp_path: Path, root: Path
) -> None:
    folder = text_folder if kind == "texts" else picture_folder
    items = TEXTS if kind == "texts" else shots(tmp_path, 5)
    here = [[a.item, a.label, a.chance.hex()] for a in answers(open_exported(folder), items)]
    command = [sys.executable, "-c", ASK, str(folder), *items]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout.splitlines()[-1]) == here
    assert [item for item, _, _ in here] == items


def test_the_network_that_was_exported_gives_these_answers(picture_folder, tmp_path) -> None:
    paths = shots(tmp_path, 5)
    backbone = load_backbone("efficientnet_lite0", size=64, frozen_dtype=torch.float32)
    model = add_label_head(backbone, classes=2, seed=1).eval()
    opened = open_exported(picture_folder)
    model.layers[-1][1].load_state_dict(opened.net.get_classifier().state_dict())
    from companion.data.prepared import square

    pixels = torch.stack([torch.from_numpy(square(path, 64)) for path in paths])
    with torch.no_grad():
        wanted = model(pixels).softmax(dim=1).max(dim=1).values
    found = [answer.chance for answer in answers(opened, paths, batch_size=2)]
    # The backbone's layout is the faster one of a measurement, and each rounds in its own way.
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-3)


def test_a_million_texts_are_asked_a_batch_at_a_time(text_folder: Path) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "a text"

    found = answers(open_exported(text_folder), endless(), batch_size=4)
    assert [next(found).item for _ in range(5)] == ["a text"] * 5
    assert taken == 8


def altered(folder: Path, target: Path, name: str, old: bytes, new: bytes) -> Path:
    target.mkdir()
    for path in folder.iterdir():
        content = path.read_bytes()
        (target / path.name).write_bytes(
            content.replace(old, new) if path.name == name else content
        )
    return target


def test_other_weights_or_labels_than_the_cards_are_refused(text_folder, tmp_path) -> None:
    weights = (text_folder / "model.safetensors").read_bytes()
    folder = altered(text_folder, tmp_path / "a", "model.safetensors", weights[-9:], b"something")
    with pytest.raises(ValueError, match=r"expected weights with sha256 \w{12}\.\.\. in .*, found"):
        open_exported(folder)
    folder = altered(text_folder, tmp_path / "b", "config.json", b'"fine"', b'"good"')
    with pytest.raises(
        ValueError, match="expected the classes bad, fine, odd in .*found bad, good"
    ):
        open_exported(folder)
    folder = altered(text_folder, tmp_path / "c", "config.json", b"", b"")
    (folder / CARD).unlink()
    with pytest.raises(ValueError, match=f"expected an exported network in .*, found no {CARD}. P"):
        open_exported(folder)
