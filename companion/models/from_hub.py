"""Picture networks with the weights that timm names on the model hub."""

from __future__ import annotations

import timm
from safetensors import SafetensorError
from timm.models import PretrainedCfg, get_pretrained_cfg
from torch import nn

from companion.data.hub import hub_file
from companion.data.hub_errors import HubError

WEIGHTS = "model.safetensors"


def hub_network(name: str, options: dict[str, int]) -> nn.Module:
    """Return the timm network `name` with its weights from the hub, the classifier included.

    `name` is an architecture, with its default weights, or an architecture and a tag after a dot.
    timm itself loads the file, so that its own conversions apply. `options` are for
    `timm.create_model`.

    Raises:
        ValueError: timm names no weights on the hub for it.
        HubError: the file could not be had, is damaged, or holds another network's weights.
    """
    config = hub_checkpoint(name)
    path = hub_file(config.hf_hub_id, config.hf_hub_filename or WEIGHTS)
    # A custom loader of timm's is for the format of another site, unless it is marked as the hub's.
    overlay = {"file": str(path), "custom_load": config.custom_load == "hf"}
    try:
        return timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay, **options)
    except (RuntimeError, SafetensorError) as error:
        raise HubError(
            f"expected the weights of {name} in {path.name} of the model {config.hf_hub_id}, found "
            f"that timm {timm.__version__} cannot load it: {str(error).splitlines()[0]} Update "
            "timm, or choose another tag."
        ) from error


def hub_checkpoint(name: str) -> PretrainedCfg:
    """Return what timm knows of the weights of `name`: repository, file, mean, std, licence.

    Raises:
        ValueError: timm names no weights on the hub for it.
    """
    architecture, _, tag = name.partition(".")
    tags = timm.list_pretrained(f"{architecture}.*")
    if tag and name not in tags:
        raise ValueError(
            f"timm names no weights {name!r}. Expected one of {', '.join(tags) or 'none'}; or pass "
            f"pretrained=False for {architecture!r} untrained."
        )
    config = get_pretrained_cfg(name)
    if config is None or not config.hf_hub_id:
        raise ValueError(
            f"the pretrained weights of {name!r} are in none of the installed packages, and timm "
            f"names none on the hub. Pass pretrained=False for {name!r} untrained."
        )
    return config
