"""What the course keeps of an hour's pre-training: the warmed head, and features of the task.

Both are small, in fp16. `keep` writes them; `python -m companion.experiments.kept` calls it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from companion.data.catalogue import ASSETS
from companion.data.splits import draw
from companion.data.vision import digest_of
from companion.experiments import domain_rates, fitted_domains, on_domains
from companion.experiments.rows import MEASURED
from companion.models.blocks import Blocks
from companion.models.language_heads import add_masked_head
from companion.models.text import load_text_backbone

HEAD = MEASURED / "warmed_head.safetensors"
FEATURES = MEASURED / "medical_features.safetensors"
SEED = 0  # of the reading, and of the split that the features are of
READ = ("minilm-l6", "hpo", "licences", "bbc-news")
TRAIN = 1000  # of the definitions that may train


def keep() -> None:
    """Write the warmed head, and the features that the encoder of `SEED` gives; an hour if new."""
    head = on_domains.warmed().layers[-1].state_dict()
    save_file(as_fp16(head), HEAD, metadata={"fits": head_fits()})
    ids = kept_ids()
    rows = fitted_domains.frozen_features(domain_rates.TASK, "medical", SEED)[ids]
    rows = as_fp16({"features": torch.from_numpy(rows)})
    save_file(rows, FEATURES, metadata={"fits": features_fit(ids)})


def kept_network() -> Blocks:
    """Return MiniLM with the head that was warmed.

    Raises:
        ValueError: the head was made with another backbone or text.
    """
    model = add_masked_head(load_text_backbone(on_domains.BACKBONE))
    state = read(HEAD, head_fits())
    model.layers[-1].load_state_dict({name: value.float() for name, value in state.items()})
    return model


def kept_features() -> tuple[np.ndarray, np.ndarray]:
    """Return ids (N,) of definitions and what the encoder that read medical text makes of them.

    The features (N, F) are rounded to fp16.

    Raises:
        ValueError: they are of other texts.
    """
    ids = kept_ids()
    return ids, read(FEATURES, features_fit(ids))["features"].float().numpy()


def kept_ids() -> np.ndarray:
    """Return the ids of the definitions: a draw of the training part, and all others."""
    split = on_domains.split_of(domain_rates.TASK, SEED)
    labels = on_domains.texts(domain_rates.TASK).labels
    drawn = draw(labels, split.train, TRAIN, seed=SEED)
    return np.concatenate([np.sort(drawn), split.validation, split.test])


def head_fits() -> str:
    """Name what the head was made with: settings, and the files that its text comes from."""
    return digest_of(on_domains.warming(), *(ASSETS[name].sha256 for name in READ))


def features_fit(ids: np.ndarray) -> str:
    """Name what the features were made of: the texts, their tokens, and how the network read."""
    how = f"{head_fits()} {on_domains.TOKENS} {on_domains.RATE} {SEED}"
    return digest_of(on_domains.fetch(domain_rates.TASK).digest, ids.tobytes(), how)


def as_fp16(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return tensors at half precision."""
    return {name: value.detach().cpu().half().contiguous() for name, value in state.items()}


def read(file: Path, fits: str) -> dict[str, torch.Tensor]:
    """Return the tensors of a file.

    Raises:
        ValueError: it was made with something else than `fits` names.
    """
    with safe_open(file, framework="pt") as opened:
        found = (opened.metadata() or {}).get("fits")
    if found != fits:
        raise ValueError(
            f"expected {file.name} to fit {fits[:12]}, found {str(found)[:12]}: the texts or "
            "settings changed since. Run `python -m companion.experiments.kept` (an hour)."
        )
    return load_file(file)


if __name__ == "__main__":
    keep()
