"""The depth control: what trains, what it costs, and what it says."""

import pytest
import torch

from companion.models.heads import add_label_head
from companion.models.vision import load_backbone
from companion.teaching.freeze_depth import depth_sentence, depth_table, depths, multiplications
from companion.transfer.freeze import freeze


@pytest.fixture(scope="module")
def model():
    backbone = load_backbone("efficientnet_lite0", size=64, pretrained=False)
    return add_label_head(backbone, classes=2)


def test_it_counts_what_freeze_leaves_to_train(model) -> None:
    for depth in depths(model, {}):
        freeze(model, depth.upto)
        assert depth.training == sum(p.numel() for p in model.parameters() if p.requires_grad)
    freeze(model, None)


def test_work_falls_with_depth_and_the_head_alone_is_nearly_free(model) -> None:
    work = [depth.work for depth in depths(model, {})]
    assert work[0] == 1 and work == sorted(work, reverse=True)
    assert work[-1] < 0.001


def test_multiplications_are_those_of_a_hand_count() -> None:
    from companion.models.blocks import Blocks

    conv = torch.nn.Conv2d(1, 4, 3, stride=2, padding=1)
    layers = {"conv": conv, "flat": torch.nn.Flatten(), "head": torch.nn.Linear(1024, 2)}
    found = multiplications(Blocks(layers, "toy"))
    assert found == [4 * 16 * 16 * 9, 0, 2 * 1024]


def test_the_sentence_and_the_table_hold_the_numbers(model) -> None:
    found = depths(model, {"pool": "0.700"})
    last = found[-1]
    assert depth_sentence(last) == (
        "Frozen up to pool: 2,562 of 3,373,570 parameters train; once the frozen part is cached, "
        "a step takes 0% of the multiplications of training everything. Recorded with 200 "
        "labels: 0.700."
    )
    assert depth_sentence(found[0]).startswith("Nothing frozen: 3,373,570 of 3,373,570")
    table = depth_table(found)
    assert table.page.count("<tr>") == len(found) + 1
    assert "2,562" in table.text and "0.700" in table.text
