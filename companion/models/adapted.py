"""Networks that were trained further, stored with the name of the vocabulary they read."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from companion.models.blocks import Blocks


def save_adapted(model: Blocks, path: Path) -> None:
    """Write the weights of a text network to `path`, as safetensors, head included."""
    mark = {
        "format": "pt",
        "backbone": model.name,
        "vocabulary": model.layers[0].vocabulary,
        "blocks": " ".join(model.names),
    }
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    save_file(state, path, metadata=mark)


def load_adapted(model: Blocks, path: Path) -> Blocks:
    """Give `model` the weights in `path` for every block that it has, and return it.

    What `path` holds beyond that, such as the head that guessed tokens, stays there.

    Raises:
        ValueError: the file is damaged, is another network's, or reads another vocabulary.
    """
    try:
        with safe_open(path, framework="pt") as file:
            mark, stored = file.metadata() or {}, set(file.keys())
            wanted = model.state_dict()
            check_adapted(model, mark, stored, path)
            model.load_state_dict({name: file.get_tensor(name) for name in wanted})
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(
            f"expected weights of {model.name} in {path.name}, found a file that is damaged or of "
            f"another shape ({error}). Train the network again."
        ) from error
    return model


def check_adapted(model: Blocks, mark: dict[str, str], stored: set[str], path: Path) -> None:
    """Check that stored weights fit `model` and the tokens that it is given.

    Raises:
        ValueError: they are another network's, or read another vocabulary.
    """
    vocabulary = model.layers[0].vocabulary
    if mark.get("vocabulary") != vocabulary:
        raise ValueError(
            f"{path.name} was trained on the vocabulary {mark.get('vocabulary')}, {model.name} "
            f"reads {vocabulary}: the same ids would stand for other words. Load the backbone that "
            f"it was trained from, {mark.get('backbone')}."
        )
    missing = sorted(set(model.state_dict()) - stored)
    if missing:
        raise ValueError(
            f"expected all weights of {model.name} in {path.name}, found {len(missing)} missing, "
            f"such as {missing[0]}. It holds the blocks {mark.get('blocks')} of "
            f"{mark.get('backbone')}."
        )
