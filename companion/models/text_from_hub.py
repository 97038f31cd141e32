"""Text checkpoints on the model hub: which of a repository's files are wanted."""

from __future__ import annotations

from pathlib import Path

from companion.data.hub import hub_commit, hub_file, hub_names
from companion.data.hub_errors import HubError

WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first of them that is there
TOKENIZER = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)


def hub_folder(repo: str, *, weights: bool) -> Path:
    """Return the folder that holds a checkpoint's configuration and tokenizer, all verified.

    With `weights`, its weights too, as safetensors where there are any.

    Raises:
        HubError: as `hub_file` does, or the repository holds no weights or tokenizer.
    """
    names = hub_names(repo)
    found = [name for name in TOKENIZER if name in names]
    stored = [name for name in WEIGHTS if name in names]
    if not found or (weights and not stored):
        # Without a network the names are those in the cache, and the repository may hold more.
        hub_commit(repo, cached=False)
        lacking = "weights" if found else "tokenizer"
        raise HubError(
            f"expected {' or '.join(WEIGHTS if found else TOKENIZER[:3])} in the model {repo}, "
            f"found {', '.join(sorted(names)) or 'no files'}: no {lacking} of a kind that is read "
            "here. Choose another repository."
        )
    for name in [*found, *(stored[:1] if weights else [])]:
        hub_file(repo, name)
    return hub_file(repo, "config.json").parent
