"""Text networks as blocks: they are the network itself, padding is nothing, others are refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, ElectraConfig, ElectraModel, GPT2Config, GPT2Model

from companion.data.assets import asset_path
from companion.data.examples import Padded, pad
from companion.data.text import Texts
from companion.models.blocks import Blocks
from companion.models.text import (
    as_text_blocks,
    check_tokenizer,
    load_text_backbone,
    load_tokenizer,
    read_weights,
    text_fetch,
)
from companion.models.text_families import Pooling
from tests.toys import state_hash
from tests.toys_text import (
    FAMILIES,
    POSITIONS,
    WORDS,
    save_checkpoint,
    save_tokenizer,
    toy_sentences,
    toy_text_model,
    toy_tokenizer,
)

SENTENCES = [
    "The cat sleeps on the sofa.",
    "I forgot my password and cannot log in.",
    "It rained all day in the mountains, so the hike was put off until next week.",
    "Great film!",
]
# Each beside what says nearly the same of it above, in other words.
PARAPHRASES = [
    "A cat is napping on the couch.",
    "How can I get into my account again without the password?",
    "Because of bad weather the walk in the hills was postponed.",
    "I loved this movie.",
]
each_family = pytest.mark.parametrize("family", [*FAMILIES, "minilm_l6"])
each_pooling = pytest.mark.parametrize("pooling", ["mean", "first"])


class Networks:
    """Each network as a folder on the disk, as blocks, and some texts as ids for it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder

    def folder(self, family: str) -> Path:
        """Return where the checkpoint is; a toy is made when it is first asked for."""
        if family not in FAMILIES:
            return asset_path("minilm-l6")
        if not (self.root / family).exists():
            save_checkpoint(family, self.root / family)
        return self.root / family

    def blocks(self, family: str, pooling: Pooling = "mean") -> Blocks:
        """Return the network as blocks on the CPU."""
        if family not in FAMILIES:
            return load_text_backbone(family, pooling=pooling, device="cpu")
        folder = self.folder(family)
        net = read_weights(folder, family).eval()
        return as_text_blocks(net, family, toy_tokenizer(folder), pooling=pooling)

    def ids(self, family: str) -> Padded:
        """Return texts of different lengths as padded ids."""
        tokenizer = toy_tokenizer(self.folder(family))
        texts = toy_sentences(9)[4:] if family in FAMILIES else SENTENCES
        rows = tokenizer(texts)["input_ids"]
        lengths = torch.tensor([len(row) for row in rows])
        assert len(set(lengths.tolist())) > 1
        return pad(torch.tensor(sum(rows, [])), lengths, tokenizer.pad_token_id)


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Networks:
    return Networks(tmp_path_factory.mktemp("text"))


def published(folder: Path, x: Padded, pooling: Pooling) -> torch.Tensor:
    """Return features (B, D) by the library's own network, with its plain attention."""
    net = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    mask = torch.arange(x.values.shape[1]) < x.lengths[:, None]
    with torch.no_grad():
        states = net(input_ids=x.values, attention_mask=mask.long()).last_hidden_state
    if pooling == "first":
        return states[:, 0]
    return torch.stack([row[:n].mean(dim=0) for row, n in zip(states, x.lengths, strict=True)])


@each_pooling
@each_family
def test_blocks_are_the_published_network_and_padding_is_nothing(
    networks: Networks, family: str, pooling: Pooling
) -> None:
    x, blocks = networks.ids(family), networks.blocks(family, pooling)
    with torch.no_grad():
        features = blocks(x)
        wider = [x.values.new_full((len(x.lengths), more), 5) for more in (1, 9)]
        padded = [blocks(Padded(torch.cat([x.values, w], dim=1), x.lengths)) for w in wider]
        rows = zip(x.values, x.lengths, strict=True)
        alone = [blocks(Padded(row[None, :n], n[None])) for row, n in rows]
    expected = published(networks.folder(family), x, pooling)
    assert features.shape == expected.shape == (len(x.lengths), blocks.features)
    for found in (features, *padded, torch.cat(alone)):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@each_family
def test_the_parts_of_a_pair_are_told_apart_as_the_library_does(
    networks: Networks, family: str
) -> None:
    folder = networks.folder(family)
    tokenizer = toy_tokenizer(folder) if family in FAMILIES else load_tokenizer(family)
    texts = toy_sentences(8)
    pairs = tokenizer(texts[:4], texts[4:], padding=True, return_tensors="pt")
    if family in ("bert", "minilm_l6"):
        assert pairs["token_type_ids"].any()
    else:  # these know no parts
        pairs.pop("token_type_ids", None)
    net = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    lengths = pairs["attention_mask"].sum(dim=1)
    blocks = networks.blocks(family)
    with torch.no_grad():
        expected = net(**pairs).last_hidden_state
        found = blocks(Padded(pairs["input_ids"], lengths), stop=blocks.position("pool"))
    real = pairs["attention_mask"].bool()
    torch.testing.assert_close(found.values[real], expected[real], rtol=0, atol=1e-5)


@each_family
def test_slices_compose_at_every_boundary(networks: Networks, family: str) -> None:
    x, blocks = networks.ids(family), networks.blocks(family)
    n = 2 if family in FAMILIES else 6
    assert blocks.names == ["embeddings", *(f"block{i}" for i in range(n)), "pool"]
    with torch.no_grad():
        whole = blocks(x)
        for boundary in range(1, len(blocks.layers)):
            piecewise = blocks(blocks(x, stop=boundary), start=boundary)
            assert torch.equal(piecewise, whole), blocks.names[boundary]


def test_untrained_twin_is_drawn_from_its_seed() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    trained = load_text_backbone("minilm_l6", device="cpu")
    twin, again, other = (
        load_text_backbone("minilm_l6", pretrained=False, seed=seed, device="cpu")
        for seed in (1, 1, 2)
    )
    assert torch.equal(torch.rand(1), expected)  # the caller's random state is left alone
    shapes = [{k: v.shape for k, v in net.state_dict().items()} for net in (trained, twin)]
    assert shapes[0] == shapes[1] and twin.name == "minilm_l6 (untrained)"
    assert state_hash(twin) == state_hash(again)
    matrices = [k for k, shape in shapes[0].items() if len(shape) == 2]
    for one in (trained, other):
        ours, theirs = twin.state_dict(), one.state_dict()
        assert not any(torch.equal(ours[k], theirs[k]) for k in matrices)


def test_reading_weights_leaves_the_random_state_alone(networks: Networks) -> None:
    """Published RoBERTa comes without a pooler, and the library draws one that nobody uses."""
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    read_weights(networks.folder("roberta"), "roberta")
    assert torch.equal(torch.rand(1), expected)


def test_minilm_knows_a_paraphrase_from_another_matter() -> None:
    tokenizer = load_tokenizer("minilm_l6")
    cosines = {}
    for pretrained in (True, False):
        blocks = load_text_backbone("minilm_l6", pretrained=pretrained, device="cpu")
        sides = []
        for texts in (SENTENCES, PARAPHRASES):
            rows = tokenizer(texts)["input_ids"]
            lengths = torch.tensor([len(row) for row in rows])
            with torch.no_grad():
                features = blocks(pad(torch.tensor(sum(rows, [])), lengths))
            sides.append(torch.nn.functional.normalize(features))
        cosines[pretrained] = sides[0] @ sides[1].T
    same = torch.eye(len(SENTENCES), dtype=torch.bool)
    assert cosines[True][same].min() > 0.5 > 0.3 > cosines[True][~same].max()
    assert cosines[False][same].min() < cosines[False][~same].max()  # a guess of the shape alone


def test_a_text_longer_than_the_positions_is_refused(networks: Networks) -> None:
    for family in FAMILIES:
        blocks = networks.blocks(family)
        ids = torch.full((1, POSITIONS + 1), 5)
        blocks(Padded(ids[:, 1:], torch.tensor([POSITIONS])))  # the longest that there may be
        with pytest.raises(ValueError) as caught:
            blocks(Padded(ids, torch.tensor([POSITIONS + 1])))
        assert str(caught.value) == (
            "a text of 33 tokens is longer than the 32 that this network has positions for. "
            "Tokenise with a smaller cap."
        )


def test_an_id_outside_the_vocabulary_is_refused(networks: Networks) -> None:
    with pytest.raises(ValueError) as caught:
        networks.blocks("bert")(Padded(torch.tensor([[2, 22, 3]]), torch.tensor([3])))
    assert str(caught.value) == (
        "token id 22 is outside the 22 that this network knows: the tokenizer belongs to another "
        "one. Load both by the same name."
    )


def test_networks_of_other_families_are_refused_by_name(networks: Networks) -> None:
    tokenizer = toy_tokenizer(networks.folder("bert"))
    small = {"vocab_size": 22, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    electra = ElectraModel(ElectraConfig(embedding_size=8, intermediate_size=8, **small))
    gpt = GPT2Model(GPT2Config(vocab_size=22, n_embd=8, n_layer=1, n_head=1))
    for net in (electra, gpt):
        with pytest.raises(ValueError) as caught:
            as_text_blocks(net, "other", tokenizer)
        assert str(caught.value) == (
            f"{type(net).__name__} cannot be cut into blocks: expected one of the families bert, "
            "distilbert, roberta. Choose a checkpoint of one of them."
        )


def test_an_unknown_pooling_or_name_is_refused(networks: Networks) -> None:
    with pytest.raises(ValueError) as caught:
        networks.blocks("bert", "max")
    assert str(caught.value) == "expected the pooling 'mean' or 'first' (token), found 'max'."
    with pytest.raises(ValueError) as caught:
        load_text_backbone("bert-base-uncased")
    assert str(caught.value) == (
        "there is no text backbone 'bert-base-uncased'. Expected minilm_l6, or a repository on the "
        "hub as owner/name, such as 'google-bert/bert-base-uncased'."
    )


@pytest.mark.parametrize("family, lost", [
    ("bert", "encoder.layer.1.output.LayerNorm.beta"),
    ("distilbert", "transformer.layer.0.ffn.lin1.weight"),
    ("roberta", "embeddings.position_embeddings.weight"),
])  # fmt: skip
def test_a_checkpoint_without_some_weights_is_refused(
    tmp_path: Path, family: str, lost: str
) -> None:
    save_checkpoint(family, tmp_path)
    path = tmp_path / "model.safetensors"
    state = load_file(path)
    del state[f"{family}.{lost}"]
    save_file(state, path, metadata={"format": "pt"})
    with pytest.raises(ValueError) as caught:
        read_weights(tmp_path, "course/holes")
    assert str(caught.value) == (
        "the checkpoint of course/holes lacks 1 of the network's weights, such as "
        f"{lost.replace('beta', 'bias')}, and random ones would stand in for them. Choose another "
        "checkpoint."
    )


def test_a_tokenizer_of_another_network_is_refused(networks: Networks, tmp_path: Path) -> None:
    blocks = networks.blocks("bert")
    check_tokenizer(toy_tokenizer(networks.folder("bert")), blocks)
    for words, n in ((WORDS[::-1], 22), (WORDS[1:], 21)):  # of the same size, and of another
        save_tokenizer("distilbert", tmp_path, words)
        (tmp_path / "config.json").write_text('{"model_type": "bert"}', "utf-8")
        other = toy_tokenizer(tmp_path)
        text = (
            f"this tokenizer, with {n} tokens, does not belong to bert, which has 22: its ids "
            "would stand for other words. Use load_tokenizer('bert')."
        )
        with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
            check_tokenizer(other, blocks)
        with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
            text_fetch(some_texts(), blocks, other)


def test_the_fetch_serves_what_the_blocks_read(networks: Networks, tmp_path: Path) -> None:
    blocks = toy_text_model("roberta", tmp_path)
    fetch = text_fetch(some_texts(), blocks, toy_tokenizer(tmp_path), cap=8)
    assert fetch.tokens.cut > 0 and fetch.lengths(np.arange(8)).max() == 8
    batch = fetch(np.array([6, 1]))
    with torch.no_grad():
        features = blocks(batch.inputs)
    expected = published(tmp_path, batch.inputs, "mean")
    torch.testing.assert_close(features, expected, rtol=0, atol=1e-5)
    assert batch.targets.tolist() == [0, 1]


def some_texts() -> Texts:
    """Return eight labelled sentences."""
    zeros = np.zeros(8)
    texts, labels = tuple(toy_sentences(8)), np.arange(8) % 2
    return Texts("toy", texts, labels, ("good", "bad"), zeros, zeros, zeros)
