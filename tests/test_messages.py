"""The table of messages: bad input, the exception it raises, and what the message says."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from companion.cli.classroom import build
from companion.cli.grades import grade
from companion.cli.grading import Limits
from companion.cli.pack import pack
from companion.cli.rehearsal import rehearse
from companion.data.assets import AssetError, asset_path
from companion.data.corpus import Corpus, cut_documents, of_equal_size
from companion.data.elpv import load_elpv
from companion.data.masking import Masking, masked_fetch
from companion.data.overlap import refuse_overlap
from companion.data.spans import Questions, cut_windows, located
from companion.data.splits import draw, draw_per_class, split_by_group
from companion.data.table import read_csv
from companion.data.tags import TaggedTexts
from companion.data.text import Texts, tokenize
from companion.data.vision import PictureFetch, Pictures, decode_picture, decode_pictures
from companion.evidence.bio import Entity, tags_of
from companion.evidence.intervals import paired_difference, t_interval, wilson
from companion.evidence.metrics import accuracy, auroc
from companion.evidence.pairs import mcnemar
from companion.models.bag_of_words import tfidf_model
from companion.models.heads import add_label_head, label_loss
from companion.models.text import check_tokenizer, load_text_backbone, load_tokenizer
from companion.models.vision import load_backbone
from companion.teaching.checks import check
from companion.teaching.editions import learner, nbgrader_source
from companion.transfer.boundary import cached
from companion.transfer.fit import FitConfig, fit
from companion.transfer.freeze import freeze, parameter_groups
from companion.transfer.order import by_length, by_tokens, shuffled
from companion.transfer.predict import features
from companion.transfer.probe import linear_probe
from companion.transfer.schedule import make_optimizer, rate_factor
from tests.conftest import ROOT
from tests.toys import toy_model, toy_pictures
from tests.toys_text import toy_text_model

CPU = torch.device("cpu")
LABELS = np.array([0] * 30 + [1] * 10)
POOL = np.arange(40)


def picture(content: bytes) -> Path:
    import tempfile

    path = Path(tempfile.mkdtemp()) / "cell0001.png"
    path.write_bytes(content)
    return path


def sizes_differ() -> None:
    from PIL import Image

    folder = picture(b"").parent
    for name, side in (("a.png", 20), ("b.png", 30)):
        Image.new("L", (side, side)).save(folder / name)
    decode_pictures([folder / "a.png", folder / "b.png"], folder / "out")


def truncated() -> None:
    from PIL import Image

    path = picture(b"")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:900])
    decode_picture(path, 1)


def relabelled(labels: list[int]) -> Pictures:
    data = toy_pictures(4)
    return Pictures("mine", data.pixels, np.array(labels), ("a", "b"), *[np.zeros(4)] * 2, "x")


def too_many_classes() -> None:
    batch = PictureFetch(toy_pictures(4), device=CPU)(np.arange(4))
    label_loss(toy_model("resnet"), batch._replace(targets=torch.tensor([0, 1, 2, 1])))


def four_channels() -> None:
    toy_model("resnet")(torch.zeros(2, 4, 64, 64, dtype=torch.uint8))


def foreign_tokenizer() -> None:
    import tempfile

    blocks = toy_text_model("bert", Path(tempfile.mkdtemp()))
    check_tokenizer(load_tokenizer("minilm_l6"), blocks)


def train(precision: str) -> None:
    model = toy_model("resnet")
    fetch = PictureFetch(toy_pictures(8), device=CPU)
    config = FitConfig(precision=precision, progress=False)
    fit(model, fetch, shuffled(np.arange(8), 4), parameter_groups(model, 1e-3), config)


def texts_of(*said: str, labels: tuple[int, ...] = (0, 1)) -> Texts:
    n, named = np.arange(len(said)), np.array(labels)
    return Texts("mine", said, named, ("no", "yes"), n, n.astype(str), np.full(len(n), np.nan))


def own_csv(content: str | bytes) -> Texts:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_csv(path, text="text", label="label")


ONE = np.zeros(1)


def question(text: str) -> Questions:
    """Return one question about one text."""
    return Questions("mine", (text,), ("by Ann Lee",), (((3, 10),),), ONE, ONE)


def foreign() -> Path:
    """Return a folder that holds somebody's work."""
    import tempfile

    folder = Path(tempfile.mkdtemp())
    (folder / "thesis.txt").write_text("keep")
    return folder


def exercise_of(*sources: str) -> NotebookNode:
    """Return a lesson of exercise 00.1, whose stub comes first."""
    about = {"exercise": "00.1"}
    cells = [new_code_cell(source) for source in sources]
    cells[0].metadata |= {"companion": about, "tags": ["exercise"]}
    told = {"companion": about | {"role": "solution"}}
    return new_notebook(cells=[*cells, new_markdown_cell("Because.", metadata=told)])


MESSAGES: list[tuple[Callable, type[Exception], str]] = [
    # data
    (lambda: decode_picture(picture(b""), 1), ValueError,
     "cannot read the picture cell0001.png: expected a whole PNG or JPEG file, found an"),
    (lambda: decode_picture(picture(b"no picture"), 1), ValueError,
     "cannot read the picture cell0001.png: expected a whole PNG or JPEG file, found cannot"),
    (truncated, ValueError,
     "cannot read the picture cell0001.png: expected a whole PNG or JPEG file, found "),
    (sizes_differ, ValueError,
     "the picture b.png is 30 x 30 pixels, expected 20 x 20 like the first. Resize them"),
    (lambda: relabelled([0, 1, 2, 0]), ValueError,
     "mine: label 2 is outside the range 0 to 1 of its 2 classes. Number the labels from 0"),
    (lambda: relabelled([0, 1]), ValueError,
     "mine: expected one label, group and kind per picture, found 4 pictures, 2 labels, 4 groups"),
    (lambda: asset_path("efficientnet-lite1"), AssetError,
     "expected the name of an asset, found 'efficientnet-lite1'; try efficientnet-lite0"),
    # splits and draws
    (lambda: draw(LABELS, POOL, 41), ValueError,
     "n_train = 41 is larger than the pool of 40 training examples. Ask for at most 40."),
    (lambda: draw(LABELS, POOL, 1), ValueError,
     "n_train = 1 is fewer examples than the 2 classes: at least one of each is needed."),
    (lambda: draw(LABELS, POOL[:20], 10), ValueError,
     "expected examples of at least two classes, found one class only: [0]. Check how"),
    (lambda: draw_per_class(LABELS, POOL, 11), ValueError,
     "class 1 has 10 examples in the pool, fewer than k = 11. Ask for at most 10 per class."),
    (lambda: split_by_group(np.array([0, 0, 1, 1]), np.array(["a"] * 4)), ValueError,
     "kind 'a' has 2 groups, expected at least 3: one each for train, validation and test."),
    # models
    (lambda: load_backbone("efficientnet_lite00"), ValueError,
     "there is no backbone 'efficientnet_lite00'. Nearest: efficientnet_lite0"),
    (lambda: load_backbone("efficientnet_b6"), ValueError,
     "the pretrained weights of 'efficientnet_b6' are in none of the installed packages, and timm "
     "names none on the hub. Pass pretrained=False for 'efficientnet_b6' untrained."),
    (lambda: load_backbone("resnet50.a0_in1k"), ValueError,
     "timm names no weights 'resnet50.a0_in1k'. Expected one of resnet50."),
    (lambda: load_text_backbone("minilm"), ValueError,
     "there is no text backbone 'minilm'. Expected minilm_l6, or a repository on the hub as"),
    (foreign_tokenizer, ValueError,
     "this tokenizer, with 30,522 tokens, does not belong to bert, which has 22: its ids would "
     "stand for other words. Use load_tokenizer('bert')."),
    (four_channels, ValueError,
     "expected pictures of shape (B, 1, H, W) or (B, 3, H, W), found (2, 4, 64, 64). Drop"),
    (lambda: add_label_head(toy_model("resnet"), 3), ValueError, "resnet has a head already"),
    (lambda: add_label_head(toy_model("resnet"), 1), ValueError,
     "a label head needs at least 2 classes, found 1."),
    (too_many_classes, ValueError,
     "label 2 is outside the range 0 to 1 of a head with 2 classes. Number the labels from 0"),
    # texts
    (lambda: texts_of("good", " "), ValueError,
     "mine: text 1 is empty, and so are 0 more. There is nothing to read in them: leave them out"),
    (lambda: texts_of("good", "bad", labels=(0, 2)), ValueError,
     "mine: label 2 is outside the range 0 to 1 of its 2 classes. Number the labels from 0"),
    (lambda: texts_of("good", "bad", labels=(1, 1)), ValueError,
     "mine: expected texts of at least two classes, found one class only: 'yes'. Check how the"),
    (lambda: own_csv("text,label\nfine,yes\n" + "w" * 100_000 + ",no\n"), ValueError,
     "mine.csv: the text that ends in line 3 has 100,000 characters, expected at most 50,000. A"),
    (lambda: own_csv("texts,label\nfine,yes\nbad,no\n"), ValueError,
     "mine.csv: expected a column 'text', found the columns texts, label. Did you mean 'texts'?"),
    (lambda: own_csv("text,label\nfine,yes\nsch\u00f6n,no\n".encode("latin-1")), ValueError,
     "mine.csv: expected UTF-8, found a byte in line 3 that is not, byte "),
    (lambda: tokenize(["fine"], load_tokenizer("minilm_l6"), cap=2), ValueError,
     "expected a cap above the 2 special tokens that this tokenizer adds to each text, found 2."),
    (lambda: by_length(POOL, np.ones(3), 8), ValueError,
     "expected one length for each of the"),
    (lambda: tfidf_model(["a", "b"], np.zeros(2)), ValueError,
     "a classifier needs at least two classes, found one class only: [0.]. Draw more examples"),
    (lambda: mcnemar(np.ones(3), np.ones(2)), ValueError,
     "found (3,) and (2,). Score both on one test set."),
    # freezing, order, loop
    (lambda: freeze(toy_model("resnet"), "layer5"), ValueError,
     "resnet has no block 'layer5'. Nearest: layer4, layer3, layer2. Its blocks, in order: "),
    (lambda: freeze(toy_model("resnet"), "head"), ValueError,
     "upto='head' is the last block of resnet: nothing would be left to train. Freeze at most"),
    (lambda: features(toy_model("resnet"), None, POOL, upto="pol"), ValueError,
     "resnet has no block 'pol'. Nearest: pool"),
    (lambda: parameter_groups(toy_model("resnet"), 0.0), ValueError,
     "expected positive rates, found rate=0.0, head_rate=None, layer_decay=1.0. To keep a block"),
    (lambda: shuffled(POOL, 0), ValueError, "expected a batch size of at least 1, found 0."),
    (lambda: shuffled(np.array([]), 8), ValueError,
     "expected a list of at least one example id, found shape (0,). Pass the train part"),
    (lambda: cached(PictureFetch(toy_pictures(8)), toy_model("resnet"), POOL), ValueError,
     "nothing in resnet is frozen, so there is no boundary to store at. Call freeze"),
    (lambda: train("fp16"), ValueError, "fp16 training needs a CUDA GPU, found cpu."),
    (lambda: make_optimizer("adam", []), ValueError,
     "expected the optimiser 'adamw', 'adamw-uncorrected' or 'sgd', found 'adam'."),
    (lambda: rate_factor(0, 10, 0.1, "step"), ValueError,
     "expected a schedule out of cosine, linear, constant, found 'step'."),
    (lambda: linear_probe(np.zeros((4, 2)), np.zeros(4)), ValueError,
     "a probe needs at least two classes, found one class only: [0.]. Draw more examples"),
    # evidence
    (lambda: t_interval(np.array([0.5])), ValueError,
     "expected at least 2 finite values in a list, found shape (1,): [0.5]. One run says nothing"),
    (lambda: paired_difference(np.zeros(5), np.zeros(4)), ValueError,
     "expected one value of each arm per seed, found (5,) and (4,). Run both arms on the same"),
    (lambda: wilson(7, 5), ValueError, "expected 0 <= correct <= total and a total above 0: 7, 5."),
    (lambda: accuracy(LABELS, LABELS), ValueError,
     "expected labels (N,) and scores (N, classes), found shapes (40,) and (40,). Pass logits"),
    (lambda: auroc(np.zeros(4), np.zeros((4, 2))), ValueError,
     "AUROC compares two classes: found 2 columns of scores and one class only or too many"),
    # tags and spans
    (lambda: TaggedTexts("mine", (("Ann", "Lee"),), (("B-x",),), ("O", "B-x", "I-x"), ONE),
     ValueError,
     "mine: text 0 has 2 words and 1 tags, expected at least one word and a tag for each. Tag"),
    (lambda: tags_of([Entity("x", 0, 2), Entity("x", 1, 3)], 3), ValueError,
     "the entity 'x' of words 1 to 2 overlaps another; BIO tags can name a word once only. Keep"),
    (lambda: located("by Ann Lee", "Bob", 3), ValueError,
     "expected the answer 'Bob' at character 3 of its context, found 'Ann'. It stands nowhere in"),
    (lambda: cut_windows(question("who " * 40), load_tokenizer("minilm_l6"), cap=32, stride=8),
     ValueError,
     "has 40 tokens: with 3 special ones and a stride of 8 nothing new of its context fits into a"),
    # further pre-training
    (lambda: cut_documents(["a short text"], load_tokenizer("minilm_l6"), length=128), ValueError,
     "expected a corpus of at least one sequence of 128 tokens, found 5 tokens in 1 documents."),
    (lambda: refuse_overlap(Corpus("mine", ("one two three four five",)), ["One, two three four"]),
     ValueError,
     "found 1 of 1 documents of mine that hold one of the 1, exactly or nearly, such as document"),
    (lambda: masked_fetch(None, SimpleNamespace(mask_token_id=None)), ValueError,
     "expected a tokenizer with a mask token, found none: its network guesses the next token"),
    (lambda: Masking(rate=0), ValueError,
     "expected a masking rate above 0 and below 1, found 0: with 0 there is nothing to guess"),
    (lambda: Masking(rate=1.0), ValueError,
     "expected a masking rate above 0 and below 1, found 1.0: with 0 there is nothing to guess"),
    (lambda: Masking(masked=0.8, random=0.3), ValueError,
     "expected shares of masked and random tokens that add up to at most 1, found 0.8 and 0.3."),
    (lambda: of_equal_size(Corpus("mine", ("one two",)), 90, len, 0), ValueError,
     "expected mine to measure at least 90, found 7. Make the other corpus smaller: a control"),
    (lambda: by_tokens(np.arange(2), np.array([5, 200]), 128), ValueError,
     "of at most 128 tokens, found (2,) with a longest of 200. Cut the documents shorter."),
    (lambda: Corpus("mine", ("one", " ")), ValueError,
     "mine: expected documents with text in them, found 2, of which 1 are empty. Leave the empty"),
    # the classroom
    (lambda: learner(exercise_of("def f(): ...", "f()")), ValueError,
     "cell 1: expected the stub of a known exercise, its check in the next cell and one solution, "
     "found exercise '00.1', no check and 1 solutions"),
    (lambda: nbgrader_source(exercise_of("def f():\n    pass", 'check("00.1", f)')), ValueError,
     "exercise 00.1: expected a solution in ```python and a stub with one line "
     "'    ...  # your code here', found 'def f():\\n    pass'"),
    (lambda: check("00.9", len), ValueError,
     "Expected the number of an exercise (R.1, "),
    (lambda: build(ROOT, foreign(), ["refreshers"]), FileExistsError,
     "expected a new or empty folder, or an earlier build, found other files in "),
    (lambda: build(ROOT, foreign() / "new", ["refresher"]), FileNotFoundError,
     "expected a notebook, found no 'refresher'; did you mean: refreshers"),
    (lambda: grade(ROOT, foreign(), Path("grades.csv"), Limits()), FileNotFoundError,
     "expected submissions (STUDENT/LESSON.ipynb) in "),
    (lambda: grade(ROOT, foreign(), Path("grades.csv"), Limits()), FileNotFoundError,
     ", found no notebook; name the folder that holds the students' folders"),
    (lambda: pack(ROOT, foreign(), ["refreshers"]), FileExistsError,
     "expected a new or empty folder, or an earlier pack, found other files in "),
    (lambda: rehearse(ROOT, "refreshers", 1), ValueError,
     "expected at least 2 learners, found 1; for one, use `companion run`"),
]  # fmt: skip


@pytest.mark.parametrize("call, kind, message", MESSAGES, ids=lambda v: str(v)[:50])
def test_bad_input_is_told_in_words(call: Callable, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=re.escape(message)):
        call()


def test_a_missing_asset_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    here = [p for p in sys.path if "site-packages" not in p]  # nothing that pip installed
    monkeypatch.setattr(sys, "path", here)
    with pytest.raises(AssetError, match="expected package elpv-dataset .* found it is not"):
        load_elpv()
