"""Text classifiers that average their tokens, for transformers' own loading; goes with a model.

This file is copied beside exported weights and must import nothing but torch and transformers.
It differs from the classes of the same names in one thing: the answer is a linear map of the mean
of a text's tokens, where theirs looks at the first token alone.
"""

from __future__ import annotations

import torch
import transformers
from torch import nn
from transformers.modeling_outputs import SequenceClassifierOutput


class _MeanPooled:
    """What the three classes share; stands before the class of transformers."""

    def __init__(self, config: transformers.PretrainedConfig) -> None:
        super().__init__(config)
        for name in ("pre_classifier", "dropout"):
            if hasattr(self, name):
                delattr(self, name)
        if getattr(self.base_model, "pooler", None) is not None:
            self.base_model.pooler = None
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        return_dict: bool | None = None,
    ) -> SequenceClassifierOutput | tuple[torch.Tensor]:
        """Return logits (B, classes) for token ids (B, T) and their mask."""
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        parts = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        states = self.base_model(input_ids=input_ids, attention_mask=attention_mask, **parts)[0]
        mask = attention_mask[..., None].to(states.dtype)
        mean = (states * mask).sum(dim=1) / mask.sum(dim=1)
        logits = self.classifier(mean)
        return (logits,) if return_dict is False else SequenceClassifierOutput(logits=logits)


class BertForSequenceClassification(_MeanPooled, transformers.BertForSequenceClassification):
    """BERT, or MiniLM, with its tokens averaged."""


class RobertaForSequenceClassification(_MeanPooled, transformers.RobertaForSequenceClassification):
    """RoBERTa with its tokens averaged."""


class DistilBertForSequenceClassification(
    _MeanPooled, transformers.DistilBertForSequenceClassification
):
    """DistilBERT with its tokens averaged."""
