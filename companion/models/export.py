"""A trained network as a folder that transformers, or timm, opens without the companion."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification

from companion.models import mean_pooled
from companion.models.blocks import Blocks
from companion.models.families import cut
from companion.models.text import checkpoint_folder, load_tokenizer
from companion.models.text_families import EncoderBlock, TokenEmbedding

CODE = "mean_pooled.py"
WEIGHTS = "model.safetensors"
_CLASSES = {
    "bert": mean_pooled.BertForSequenceClassification,
    "roberta": mean_pooled.RobertaForSequenceClassification,
    "distilbert": mean_pooled.DistilBertForSequenceClassification,
}


def export_text(model: Blocks, classes: Sequence[str], folder: Path, *, cap: int = 128) -> None:
    """Write a text network with its label head to `folder`, as transformers loads it.

    There `pipeline("text-classification", model=folder, trust_remote_code=True)` opens it: the
    code that it trusts is `mean_pooled.py`, which lies beside the weights, since no class of
    transformers averages the tokens of a BERT. Texts are cut at `cap` tokens.

    Raises:
        ValueError: the network's tokens are not averaged, or it has no label head.
    """
    if model.names[-1] != "head" or getattr(model.layers[-2], "pooling", None) != "mean":
        raise ValueError(
            f"expected a text network that averages its tokens, with a label head; found the "
            f"blocks {', '.join(model.names[-2:])} at the end of {model.name}. Load the backbone "
            "with pooling='mean' and add a head with add_label_head."
        )
    folder.mkdir(parents=True, exist_ok=True)
    config = AutoConfig.from_pretrained(
        checkpoint_folder(model.name, weights=False),
        local_files_only=True,
        id2label=dict(enumerate(classes)),
        label2id={name: i for i, name in enumerate(classes)},
    )
    net = as_classifier(model, config)
    kind = type(net).__name__
    config.architectures = [kind]
    config.auto_map = {AutoModelForSequenceClassification.__name__: f"mean_pooled.{kind}"}
    config.save_pretrained(folder)
    save_weights(net.state_dict(), folder)
    tokenizer = load_tokenizer(model.name)
    tokenizer.model_max_length = cap
    tokenizer.save_pretrained(folder)
    (folder / CODE).write_bytes(Path(mean_pooled.__file__).read_bytes())


def as_classifier(model: Blocks, config: object) -> nn.Module:
    """Return the transformers network that holds the weights of `model`."""
    net = _CLASSES[config.model_type](config).eval()
    body = net.base_model
    layers = body.transformer.layer if config.model_type == "distilbert" else body.encoder.layer
    for block in model.layers:
        if isinstance(block, TokenEmbedding):
            body.embeddings.load_state_dict(block.net.state_dict())
    encoders = [block for block in model.layers if isinstance(block, EncoderBlock)]
    for layer, block in zip(layers, encoders, strict=True):
        layer.load_state_dict(block.net.state_dict())
    net.classifier.load_state_dict(linear_of(model).state_dict())
    return net


@torch.no_grad()
def export_pictures(model: Blocks, architecture: str, classes: Sequence[str], folder: Path) -> None:
    """Write a picture network with its label head to `folder`, as timm loads it.

    `timm.create_model("local-dir:" + folder, pretrained=True)` opens it; `architecture` is timm's
    name of the network. The folder's config.json says how pictures are prepared: the short side
    resized, the middle square kept, scaled to the network's mean and spread.

    Raises:
        RuntimeError: timm's network of that name has other weights than `model`.
    """
    prepare = model.layers[0]
    options = {"img_size": prepare.size} if architecture.startswith("vit_") else {}
    net = timm.create_model(architecture, num_classes=len(classes), **options)
    state = dict(net.state_dict())  # taking the network apart leaves these names and tensors alone
    classifier = net.pretrained_cfg["classifier"]
    for name, block in cut(net).items():
        block.load_state_dict(model.layers[model.position(name)].state_dict())
    for name, value in linear_of(model).state_dict().items():
        state[f"{classifier}.{name}"].copy_(value)
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(state, folder)
    mean, std = ((x.flatten() / 255).tolist() for x in (prepare.mean, prepare.std))
    config = {
        "architecture": architecture,
        "num_classes": len(classes),
        "label_names": list(classes),
        "model_args": options,
        "pretrained_cfg": {
            "input_size": [3, prepare.size, prepare.size],
            "interpolation": "bicubic",
            "crop_pct": 1.0,
            "crop_mode": "center",
            "mean": mean,
            "std": std,
            "num_classes": len(classes),
        },
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2), "utf-8")


def linear_of(model: Blocks) -> nn.Linear:
    """Return the linear map in a network's label head."""
    return next(module for module in model.layers[-1].modules() if isinstance(module, nn.Linear))


def save_weights(state: Mapping[str, torch.Tensor], folder: Path) -> None:
    """Write weights to `folder`, as safetensors."""
    plain = {name: value.detach().cpu().contiguous() for name, value in state.items()}
    save_file(plain, folder / WEIGHTS, metadata={"format": "pt"})
