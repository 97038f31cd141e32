"""Exported folders: transformers and timm open them alone, and answer what the network answered."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from companion.data.examples import pad
from companion.data.text import tokenize
from companion.models.export import export_pictures, export_text
from companion.models.heads import add_label_head
from companion.models.text import load_text_backbone, load_tokenizer
from companion.models.vision import EMBEDDED, load_backbone

TEXTS = ["A fine day.", "The cell is broken, and so is the next one in its row.", "no"]
# Run where the companion cannot be imported.
TEXT = """
import json, sys
import torch, transformers
ask = transformers.pipeline("text-classification", model=sys.argv[1], trust_remote_code=True)
texts = json.loads(sys.argv[2])
plain = ask.model(**ask.tokenizer(texts, padding=True, return_tensors="pt"))
print(json.dumps({
    "logits": plain.logits.tolist(),
    "alone": [ask(text, top_k=None) for text in texts],
    "batched": ask(texts, top_k=None, batch_size=3),
}))
"""
PICTURES = """
import json, sys
import numpy as np, timm, torch
from PIL import Image
net = timm.create_model("local-dir:" + sys.argv[1], pretrained=True).eval()
config = timm.data.resolve_data_config({}, model=net)
prepare = timm.data.create_transform(**config)
x = torch.load(sys.argv[2], weights_only=True)
with torch.no_grad():
    found = net(x).tolist()
    whole = net(prepare(Image.open(sys.argv[3]).convert("RGB"))[None]).tolist()
print(json.dumps({"logits": found, "whole": whole, "labels": net.pretrained_cfg["label_names"]}))
"""


def alone(code: str, *words: str | Path) -> dict:
    """Run code in a process of its own, away from the companion, and return what it printed."""
    block = "import sys; sys.modules['companion'] = None\n"
    command = [sys.executable, "-I", "-c", block + code.lstrip(), *map(str, words)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert ran.returncode == 0, ran.stderr
    assert "not supported" not in ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_a_text_network_is_opened_by_transformers_alone(tmp_path: Path) -> None:
    model = add_label_head(load_text_backbone("minilm_l6"), classes=3, dropout=0.1, seed=1).eval()
    torch.nn.init.normal_(model.layers[-1][1].weight)
    export_text(model, ["bad", "fine", "odd"], tmp_path / "out", cap=32)
    tokens = tokenize(TEXTS, load_tokenizer("minilm_l6"), cap=32)
    with torch.no_grad():
        ours = model(pad(torch.from_numpy(tokens.ids).long(), torch.tensor(tokens.lengths), 0))
    found = alone(TEXT, tmp_path / "out", json.dumps(TEXTS))
    np.testing.assert_allclose(found["logits"], ours.numpy(), atol=1e-5)
    for way in ("alone", "batched"):
        by_label = [{one["label"]: one["score"] for one in row} for row in found[way]]
        scores = [[row[label] for label in ("bad", "fine", "odd")] for row in by_label]
        np.testing.assert_allclose(scores, ours.softmax(dim=1).numpy(), atol=1e-5)


@pytest.mark.parametrize(
    "name, size", [("efficientnet_lite0", 96), ("vit_small_patch14_saliency", 70)]
)
def test_a_picture_network_is_opened_by_timm_alone(tmp_path: Path, name: str, size: int) -> None:
    from PIL import Image

    backbone = load_backbone(name, size=size, frozen_dtype=torch.float32)
    model = add_label_head(backbone, classes=2, seed=1).eval()
    torch.nn.init.normal_(model.layers[-1][1].weight)
    export_pictures(model, EMBEDDED[name][1], ["dark", "light"], tmp_path / "out")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, size, size), dtype=np.uint8)
    with torch.no_grad():
        prepared = model.layers[0](torch.from_numpy(pixels))
        ours = model(torch.from_numpy(pixels))
    torch.save(prepared.contiguous(), tmp_path / "x.pt")
    Image.fromarray(pixels[0].transpose(1, 2, 0)).save(tmp_path / "x.png")
    found = alone(PICTURES, tmp_path / "out", tmp_path / "x.pt", tmp_path / "x.png")
    np.testing.assert_allclose(found["logits"], ours.numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["whole"][0], ours[0].numpy(), rtol=1e-4, atol=1e-4)
    assert found["labels"] == ["dark", "light"]


def test_a_network_that_looks_at_the_first_token_is_refused(tmp_path: Path) -> None:
    backbone = load_text_backbone("minilm_l6", pooling="first")
    for model in (backbone, add_label_head(backbone, classes=2)):
        with pytest.raises(ValueError, match="expected a text network that averages"):
            export_text(model, ["a", "b"], tmp_path)
