"""Read the saliency ViT's weights out of its ONNX file, as data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

BLOCKS = 12
PLAIN = {  # ONNX name -> timm name, the same in every block
    "norm1.weight": "norm1.weight",
    "norm1.bias": "norm1.bias",
    "attention.output.dense.bias": "attn.proj.bias",
    "layer_scale1.lambda1": "ls1.gamma",
    "norm2.weight": "norm2.weight",
    "norm2.bias": "norm2.bias",
    "mlp.fc1.bias": "mlp.fc1.bias",
    "mlp.fc2.bias": "mlp.fc2.bias",
    "layer_scale2.lambda1": "ls2.gamma",
}
LINEAR = {  # MatMul node within a block -> timm name
    "attention/output/dense": "attn.proj.weight",
    "mlp/fc1": "mlp.fc1.weight",
    "mlp/fc2": "mlp.fc2.weight",
}


def convert_saliency_vit(source: Path, target: Path) -> None:
    """Write the backbone of the ONNX file `source` to `target`, a safetensors file in timm's names.

    Linear weights are anonymous in the file and transposed, so they are found through the node
    that multiplies by them. Raises KeyError if the file is not the network this was written for.
    """
    import onnx
    from onnx.numpy_helper import to_array
    from safetensors.torch import save_file

    graph = onnx.load(source).graph
    arrays = {item.name: to_array(item) for item in graph.initializer}
    by_node = {n.name: n.input[1] for n in graph.node if n.op_type == "MatMul"}
    state = embedding_state(arrays)
    for i in range(BLOCKS):
        state |= block_state(arrays, by_node, i)
    save_file({name: torch.from_numpy(a.copy()) for name, a in state.items()}, target)


def embedding_state(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what stands before and after the blocks, under timm's names."""
    prefix = "backbone.embeddings."
    # Two initialisers have lost their names: the position of the class token and of the patches.
    places = {a.shape: a for name, a in arrays.items() if name.startswith("onnx::")}
    return {
        "cls_token": arrays[prefix + "cls_token"],
        "patch_embed.proj.weight": arrays[prefix + "patch_embeddings.projection.weight"],
        "patch_embed.proj.bias": arrays[prefix + "patch_embeddings.projection.bias"],
        "pos_embed": np.concatenate([places[1, 1, 384], places[1, 1369, 384]], axis=1),
        "norm.weight": arrays["backbone.layernorm.weight"],
        "norm.bias": arrays["backbone.layernorm.bias"],
    }


def block_state(
    arrays: dict[str, np.ndarray], by_node: dict[str, str], i: int
) -> dict[str, np.ndarray]:
    """Return the weights of block `i` under timm's names, query, key and value stacked."""
    name, node = f"backbone.encoder.layer.{i}.", f"/backbone/encoder/layer.{i}/"

    def linear(part: str) -> np.ndarray:
        return arrays[by_node[f"{node}{part}/MatMul"]].T  # stored (in, out)

    parts = ("query", "key", "value")
    attention = "attention.attention."
    state = {theirs: arrays[name + ours] for ours, theirs in PLAIN.items()}
    state |= {theirs: linear(ours) for ours, theirs in LINEAR.items()}
    state["attn.qkv.weight"] = np.concatenate([linear(f"attention/attention/{p}") for p in parts])
    state["attn.qkv.bias"] = np.concatenate([arrays[f"{name}{attention}{p}.bias"] for p in parts])
    return {f"blocks.{i}.{key}": value for key, value in state.items()}
