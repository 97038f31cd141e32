"""How each family of picture networks is cut into blocks."""

from __future__ import annotations

import torch
from timm.models.efficientnet import EfficientNet
from timm.models.resnet import ResNet
from timm.models.vision_transformer import VisionTransformer
from torch import nn


class Features(nn.Module):
    """All of a timm network up to its pooled features, as one block."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map pictures (B, 3, H, W) to features (B, F)."""
        return self.net.forward_head(self.net.forward_features(x), pre_logits=True)


class Embedding(nn.Module):
    """What a vision transformer does before its first block: patches, class token, positions."""

    def __init__(self, net: VisionTransformer) -> None:
        super().__init__()
        # With its blocks and norms taken out, the network's own forward_features is the embedding.
        net.blocks, net.norm, net.fc_norm, net.head = (nn.Sequential() for _ in range(4))
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map pictures (B, 3, H, W) to tokens (B, T, D)."""
        return self.net.forward_features(x)


class TokenPool(nn.Module):
    """One vector per picture from its tokens: the class token, or the mean of the patches."""

    def __init__(self, class_token: bool, prefix_tokens: int, norm: nn.Module) -> None:
        super().__init__()
        self.class_token = class_token
        self.prefix_tokens = prefix_tokens
        self.norm = norm

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map tokens (B, T, D) to features (B, D)."""
        pooled = x[:, 0] if self.class_token else x[:, self.prefix_tokens :].mean(dim=1)
        return self.norm(pooled)


def cut(net: nn.Module) -> dict[str, nn.Module]:
    """Return the blocks of `net` by name, in order, from pictures to pooled features (B, F).

    ResNets, EfficientNets and vision transformers are cut at each stage or block; an
    `nn.Sequential` at each child; any other timm network gets one boundary, after its features.

    Raises:
        ValueError: `net` is none of these.
    """
    if isinstance(net, ResNet):
        return cut_resnet(net)
    if isinstance(net, EfficientNet):
        return cut_efficientnet(net)
    if isinstance(net, VisionTransformer) and net.global_pool in ("token", "avg"):
        return cut_vision_transformer(net)
    if isinstance(net, nn.Sequential):
        return dict(net.named_children())
    if hasattr(net, "forward_features") and hasattr(net, "forward_head"):
        net.reset_classifier(0)
        return {"features": Features(net)}
    raise ValueError(
        f"{type(net).__name__} cannot be cut into blocks: expected a timm network or an "
        "nn.Sequential. Put its parts, in order, into an nn.Sequential that ends in features "
        "of shape (B, F)."
    )


def cut_resnet(net: ResNet) -> dict[str, nn.Module]:
    """Cut a timm ResNet into its stem, four layers and pooling."""
    return {
        "stem": nn.Sequential(net.conv1, net.bn1, net.act1, net.maxpool),
        "layer1": net.layer1,
        "layer2": net.layer2,
        "layer3": net.layer3,
        "layer4": net.layer4,
        "pool": net.global_pool,
    }


def cut_efficientnet(net: EfficientNet) -> dict[str, nn.Module]:
    """Cut a timm EfficientNet into its stem, stages, last convolution and pooling."""
    return {
        "stem": nn.Sequential(net.conv_stem, net.bn1),
        **{f"block{i}": block for i, block in enumerate(net.blocks)},
        "top": nn.Sequential(net.conv_head, net.bn2),
        "pool": net.global_pool,
    }


def cut_vision_transformer(net: VisionTransformer) -> dict[str, nn.Module]:
    """Cut a timm VisionTransformer into its embedding, blocks, norm and pooling."""
    blocks, norm = list(net.blocks), net.norm
    pool = TokenPool(net.global_pool == "token", net.num_prefix_tokens, net.fc_norm)
    return {
        "embedding": Embedding(net),
        **{f"block{i}": block for i, block in enumerate(blocks)},
        "norm": norm,
        "pool": pool,
    }
