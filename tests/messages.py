"""The table of messages: what a learner did, the call, the exception, and what it must say.

By group: (what was done, call, exception, words of the message). The page notebooks/errors.md is
written from it (tests/errors_page.py).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from companion.cli.classroom import build
from companion.cli.grades import grade
from companion.cli.grading import Limits
from companion.cli.house import find, lab
from companion.cli.pack import pack
from companion.cli.rehearsal import rehearse
from companion.data.assets import AssetError, asset_path
from companion.data.cache import CacheFull
from companion.data.corpus import Corpus, cut_documents, of_equal_size
from companion.data.hub_errors import HubError
from companion.data.hub_pictures import load_hub_pictures
from companion.data.hub_texts import load_hub_tags
from companion.data.masking import Masking, masked_fetch
from companion.data.overlap import refuse_overlap
from companion.data.prompts import Prompt
from companion.data.spans import cut_windows, located
from companion.data.splits import draw, draw_per_class, split_by_group
from companion.data.tags import TaggedTexts
from companion.data.text import tokenize
from companion.data.vision import PictureFetch, decode_picture
from companion.evidence.bio import Entity, tags_of
from companion.evidence.intervals import paired_difference, t_interval, wilson
from companion.evidence.metrics import accuracy, auroc
from companion.evidence.pairs import mcnemar
from companion.experiments.recorder import record
from companion.models.bag_of_words import tfidf_model
from companion.models.causal import load_causal
from companion.models.families import cut
from companion.models.heads import add_label_head
from companion.models.protocol import EndpointError
from companion.models.text import load_text_backbone, load_tokenizer
from companion.models.vision import load_backbone
from companion.teaching.checks import check
from companion.teaching.editions import learner, nbgrader_source
from companion.teaching.figures import figure_html
from companion.transfer.boundary import cached
from companion.transfer.fewshot import balanced, draw_episode, prototypes
from companion.transfer.freeze import freeze, parameter_groups, train_only
from companion.transfer.order import by_length, by_tokens, shuffled
from companion.transfer.predict import features, scorer
from companion.transfer.probe import linear_probe
from companion.transfer.schedule import make_optimizer, rate_factor
from tests import message_calls as calls
from tests.conftest import ROOT
from tests.toys import toy_model, toy_pictures

LABELS = np.array([0] * 30 + [1] * 10)
POOL = np.arange(40)
ONE = calls.ONE
COMMANDS = ("The command line", "The classroom")  # told after "companion:", without the type
Row = tuple[str, Callable, type[Exception], str]

GROUPS: dict[str, list[Row]] = {
    "Installation, assets and cache": [
    ("A package with data or weights is not installed",
     calls.without_packages, AssetError,
     "expected package elpv-dataset 1.0.0.post1, found it is not installed. "),
    ("An asset's name is misspelt",
     lambda: asset_path("efficientnet-lite1"), AssetError,
     "expected the name of an asset, found 'efficientnet-lite1'; try efficientnet-lite0"),
    ("The disk is full",
     calls.full_disk, CacheFull,
     "the disk is full: weights-0000000000000000 needs more than the 0.0 MB written so far, and "),
    ],
    "Pictures": [
    ("A picture file is empty",
     lambda: decode_picture(calls.picture(b""), 1), ValueError,
     "cannot read the picture cell0001.png: expected a whole PNG or JPEG file, found an"),
    ("A file is no picture",
     lambda: decode_picture(calls.picture(b"no picture"), 1), ValueError,
     "cannot read the picture cell0001.png: expected a whole PNG or JPEG file, found cannot"),
    ("A picture file ends early",
     calls.truncated, ValueError,
     "cannot read the picture cell0001.png: expected a whole PNG or JPEG file, found "),
    ("Pictures have different sizes",
     calls.sizes_differ, ValueError,
     "the picture b.png is 30 x 30 pixels, expected 20 x 20 like the first. Resize them"),
    ("A label is too large",
     lambda: calls.relabelled([0, 1, 2, 0]), ValueError,
     "mine: label 2 is outside the range 0 to 1 of its 2 classes. Number the labels from 0"),
    ("Labels are missing",
     lambda: calls.relabelled([0, 1]), ValueError,
     "mine: expected one label, group and kind per picture, found 4 pictures, 2 labels, 4 groups"),
    ],
    "Texts": [
    ("A text is empty",
     lambda: calls.texts_of("good", " "), ValueError,
     "mine: text 1 is empty, and so are 0 more. There is nothing to read in them: leave them out"),
    ("A text's label is too large",
     lambda: calls.texts_of("good", "bad", labels=(0, 2)), ValueError,
     "mine: label 2 is outside the range 0 to 1 of its 2 classes. Number the labels from 0"),
    ("All texts have one label",
     lambda: calls.texts_of("good", "bad", labels=(1, 1)), ValueError,
     "mine: expected texts of at least two classes, found one class only: 'yes'. Check how the"),
    ("A CSV file has other columns",
     lambda: calls.own_csv("texts,label\nfine,yes\nbad,no\n"), ValueError,
     "mine.csv: expected a column 'text', found the columns texts, label. Did you mean 'texts'?"),
    ("A CSV file has two columns of one name",
     lambda: calls.own_csv("text,text,label\na,b,yes\n"), ValueError,
     "mine.csv: expected one column 'text', found 2. Rename those that are not meant."),
    ("A CSV file is not in UTF-8",
     lambda: calls.own_csv("text,label\nfine,yes\nsch\u00f6n,no\n".encode("latin-1")), ValueError,
     "mine.csv: expected UTF-8, found a byte in line 3 that is not, byte "),
    ("A text with a comma stands without quotation marks",
     lambda: calls.own_csv("text,label\nfine, really,yes\n"), ValueError,
     "mine.csv: the row that ends in line 2 has 3 cells, expected 2, one for each column. A text"),
    ("A quotation mark is never closed",
     lambda: calls.own_csv('text,label\n"fine,yes\nbad,no\n'), ValueError,
     "mine.csv: expected quotation marks in pairs around a cell, found others in the row that "),
    ("A text is far too long",
     lambda: calls.own_csv("text,label\nfine,yes\n" + "w" * 100_000 + ",no\n"), ValueError,
     "mine.csv: the text that ends in line 3 has 100,000 characters, expected at most 50,000. A"),
    ("A row of a CSV file has no label",
     lambda: calls.own_csv("text,label\nfine,yes\nbad,\n"), ValueError,
     "mine.csv: the label in line 3 is empty, expected a text and a label in each row. Fill it in"),
    ("A CSV file has no rows",
     lambda: calls.own_csv("text,label\n"), ValueError,
     "mine.csv: expected at least one row below the names of the columns, found none. Is this the"),
    ("Texts are cut to nothing",
     lambda: tokenize(["fine"], load_tokenizer("minilm_l6"), cap=2), ValueError,
     "expected a cap above the 2 special tokens that this tokenizer adds to each text, found 2."),
    ("A bag of words sees one class",
     lambda: tfidf_model(["a", "b"], np.zeros(2)), ValueError,
     "a classifier needs at least two classes, found one class only: [0.]. Draw more examples"),
    ],
    "Splits and draws": [
    ("More examples are drawn than there are",
     lambda: draw(LABELS, POOL, 41), ValueError,
     "n_train = 41 is larger than the pool of 40 training examples. Ask for at most 40."),
    ("Fewer examples are drawn than there are classes",
     lambda: draw(LABELS, POOL, 1), ValueError,
     "n_train = 1 is fewer examples than the 2 classes: at least one of each is needed."),
    ("The pool holds one class only",
     lambda: draw(LABELS, POOL[:20], 10), ValueError,
     "expected examples of at least two classes, found one class only: [0]. Check how"),
    ("A class has too few examples",
     lambda: draw_per_class(LABELS, POOL, 11), ValueError,
     "class 1 has 10 examples in the pool, fewer than k = 11. Ask for at most 10 per class."),
    ("There are too few groups to split by",
     lambda: split_by_group(np.array([0, 0, 1, 1]), np.array(["a"] * 4)), ValueError,
     "kind 'a' has 2 groups, expected at least 3: one each for train, validation and test."),
    ("A class has too few examples for an episode",
     lambda: draw_episode(LABELS, POOL, ways=2, shots=8, queries=5, seed=0), ValueError,
     "class 1 has 8 of 8 shots in the pool, and 2 of 5 queries beside them. Ask for fewer."),
    ],
    "Networks": [
    ("A backbone's name is misspelt",
     lambda: load_backbone("efficientnet_lite00"), ValueError,
     "there is no backbone 'efficientnet_lite00'. Nearest: efficientnet_lite0"),
    ("A network is known, but its weights are nowhere",
     lambda: load_backbone("efficientnet_b6"), ValueError,
     "the pretrained weights of 'efficientnet_b6' are in none of the installed packages, and timm "
     "names none on the hub. Pass pretrained=False for 'efficientnet_b6' untrained."),
    ("The tag of a network's weights is wrong",
     lambda: load_backbone("resnet50.a0_in1k"), ValueError,
     "timm names no weights 'resnet50.a0_in1k'. Expected one of resnet50."),
    ("A text network's name is wrong",
     lambda: load_text_backbone("minilm"), ValueError,
     "there is no text backbone 'minilm'. Expected minilm_l6, or a repository on the hub as"),
    ("A network guesses hidden tokens, where the next one is wanted",
     lambda: load_causal("minilm_l6"), ValueError,
     "minilm_l6 is of the family bert, expected one of "),
    ("A tokenizer belongs to another network",
     calls.foreign_tokenizer, ValueError,
     "this tokenizer, with 30,522 tokens, does not belong to bert, which has 22: its ids would "
     "stand for other words. Use load_tokenizer('bert')."),
    ("A network cannot be cut into blocks",
     lambda: cut(torch.nn.Linear(2, 2)), ValueError,
     "Linear cannot be cut into blocks: expected a timm network or an nn.Sequential. Put its"),
    ("Pictures have four channels",
     calls.four_channels, ValueError,
     "expected pictures of shape (B, 1, H, W) or (B, 3, H, W), found (2, 4, 64, 64). Drop"),
    ("A second head is added",
     lambda: add_label_head(toy_model("resnet"), 3), ValueError, "resnet has a head already"),
    ("A head has one class",
     lambda: add_label_head(toy_model("resnet"), 1), ValueError,
     "a label head needs at least 2 classes, found 1."),
    ("The labels have more classes than the head",
     calls.too_many_classes, ValueError,
     "label 2 is outside the range 0 to 1 of a head with 2 classes. Number the labels from 0"),
    ("A file of weights is damaged",
     calls.damaged_weights, ValueError,
     "expected weights of resnet in adapted.safetensors, found a file that is damaged or of "),
    ],
    "The hub": [
    ("The hub is switched off",
     lambda: calls.from_hub(HF_HUB_OFFLINE=True), HubError,
     "found that it is not there and that HF_HUB_OFFLINE forbids downloading it. Unset"),
    ("There is no network",
     lambda: calls.from_hub(HF_HUB_OFFLINE=False, ENDPOINT="http://127.0.0.1:9"), HubError,
     "found no connection, and no copy in the cache"),
    ("A repository's name has another form",
     lambda: load_text_backbone("owner//network"), HubError,
     "expected the name of a repository as owner/name, found 'owner//network'. Copy it from"),
    ("A set of pictures is unknown",
     lambda: load_hub_pictures("flowers"), ValueError,
     "there is no data set 'flowers'. Expected flowers-102, or a repository on the hub as"),
    ("A set of tagged texts is unknown",
     lambda: load_hub_tags("conll"), ValueError,
     "there is no data set 'conll'. Expected conll2003, or a repository on the hub as owner/name."),
    ],
    "Freezing and the cache of activations": [
    ("A block's name is misspelt",
     lambda: freeze(toy_model("resnet"), "layer5"), ValueError,
     "resnet has no block 'layer5'. Nearest: layer4, layer3, layer2. Its blocks, in order: "),
    ("Features are read after an unknown block",
     lambda: features(toy_model("resnet"), None, POOL, upto="pol"), ValueError,
     "resnet has no block 'pol'. Nearest: pool"),
    ("Everything is frozen, the head too",
     lambda: freeze(toy_model("resnet"), "head"), ValueError,
     "upto='head' is the last block of resnet: nothing would be left to train. Freeze at most"),
    ("Nothing is chosen to train",
     lambda: train_only(toy_model("resnet"), []), ValueError,
     "expected at least one block that trains. Choose from ['preprocess', 'stem', "),
    ("Nothing is left that trains",
     lambda: parameter_groups(calls.all_frozen(), 1e-3), ValueError,
     "nothing in resnet trains. Freeze fewer blocks, or add a head."),
    ("A cache is made, but nothing is frozen",
     lambda: cached(PictureFetch(toy_pictures(8)), toy_model("resnet"), POOL), ValueError,
     "nothing in resnet is frozen, so there is no boundary to store at. Call freeze"),
    ("A cache is made of pictures that change at random",
     calls.random_views, ValueError,
     "this fetch augments at random, so one stored activation cannot stand for an example. Pass"),
    ("An example is not in the cache",
     lambda: calls.stored(calls.partly_frozen())(np.array([8])), ValueError,
     "example 8 is not among the 8 that this cache was made for. Pass the ids of all splits:"),
    ("Blocks were thawed after the cache was made",
     calls.thawed, ValueError,
     "this cache holds the output of 6 frozen blocks, but now only 4 are frozen. Freeze them"),
    ("Frozen weights changed after the cache was made",
     calls.changed_weights, ValueError,
     "the activations in this cache are stale: weights changed since they were stored (weights"),
    ],
    "Training": [
    ("Rates are not positive",
     lambda: parameter_groups(toy_model("resnet"), 0.0), ValueError,
     "expected positive rates, found rate=0.0, head_rate=None, layer_decay=1.0. To keep a block"),
    ("A batch holds nothing",
     lambda: shuffled(POOL, 0), ValueError, "expected a batch size of at least 1, found 0."),
    ("There are no examples to train on",
     lambda: shuffled(np.array([]), 8), ValueError,
     "expected a list of at least one example id, found shape (0,). Pass the train part"),
    ("Lengths and examples differ in number",
     lambda: by_length(POOL, np.ones(3), 8), ValueError,
     "expected one length for each of the"),
    ("Half precision is asked for without a GPU",
     lambda: calls.train(precision="fp16"), ValueError,
     "fp16 training needs a CUDA GPU, found cpu."),
    ("An optimiser's name is unknown",
     lambda: make_optimizer("adam", []), ValueError,
     "expected the optimiser 'adamw', 'adamw-uncorrected' or 'sgd', found 'adam'."),
    ("A schedule's name is unknown",
     lambda: rate_factor(0, 10, 0.1, "step"), ValueError,
     "expected a schedule out of cosine, linear, constant, found 'step'."),
    ("The loss is no number any more",
     lambda: calls.train(calls.partly_frozen(), rate=1e30, epochs=4), FloatingPointError,
     "Try a tenth of the rate, a longer warm-up or clip=1.0; if it stays, look for NaN in the"),
    ("Memory runs out, and the batch cannot be cut",
     calls.no_memory, MemoryError,
     "memory ran out with 4 examples at once, and BatchNorm in train mode sees the batch as a "
     "whole, so cutting it would change it. Use a smaller batch, smaller pictures or shorter"),
    ("Memory runs out for a single example",
     lambda: calls.no_memory(toy_model("vit")), MemoryError,
     "memory ran out with 1 examples at once, and one example alone does not fit. Use a smaller"),
    ("A checkpoint belongs to another training",
     calls.another_training, ValueError,
     "belongs to another training (plan: expected"),
    ("A model is trained on after its test",
     calls.after_the_test, ValueError,
     "and training it further would make that part a choice. Train a new model, and score it on"),
    ("Epochs are chosen by something else than a split",
     lambda: scorer(PictureFetch(toy_pictures(8)), POOL, accuracy), TypeError,
     "expected a Split, found ndarray: a scorer chooses between epochs and settings, and only the"),
    ("A probe sees one class",
     lambda: linear_probe(np.zeros((4, 2)), np.zeros(4)), ValueError,
     "a probe needs at least two classes, found one class only: [0.]. Draw more examples"),
    ],
    "Scores and evidence": [
    ("An interval is asked of one run",
     lambda: t_interval(np.array([0.5])), ValueError,
     "expected at least 2 finite values in a list, found shape (1,): [0.5]. One run says nothing"),
    ("Two arms have different seeds",
     lambda: paired_difference(np.zeros(5), np.zeros(4)), ValueError,
     "expected one value of each arm per seed, found (5,) and (4,). Run both arms on the same"),
    ("More are right than were asked",
     lambda: wilson(7, 5), ValueError, "expected 0 <= correct <= total and a total above 0: 7, 5."),
    ("A score is given answers, not logits",
     lambda: accuracy(LABELS, LABELS), ValueError,
     "expected labels (N,) and scores (N, classes), found shapes (40,) and (40,). Pass logits"),
    ("AUROC sees one class",
     lambda: auroc(np.zeros(4), np.zeros((4, 2))), ValueError,
     "AUROC compares two classes: found 2 columns of scores and one class only or too many"),
    ("Two models were scored on different examples",
     lambda: mcnemar(np.ones(3), np.ones(2)), ValueError,
     "found (3,) and (2,). Score both on one test set."),
    ("A figure has no words",
     lambda: figure_html(None, "A curve"), ValueError,
     "Expected alt text of at least 20 characters, found 'A curve'. Say what the figure shows"),
    ],
    "Tags and spans": [
    ("A word has no tag",
     lambda: TaggedTexts("mine", (("Ann", "Lee"),), (("B-x",),), ("O", "B-x", "I-x"), ONE),
     ValueError,
     "mine: text 0 has 2 words and 1 tags, expected at least one word and a tag for each. Tag"),
    ("Two entities overlap",
     lambda: tags_of([Entity("x", 0, 2), Entity("x", 1, 3)], 3), ValueError,
     "the entity 'x' of words 1 to 2 overlaps another; BIO tags can name a word once only. Keep"),
    ("An answer does not stand where it should",
     lambda: located("by Ann Lee", "Bob", 3), ValueError,
     "expected the answer 'Bob' at character 3 of its context, found 'Ann'. It stands nowhere in"),
    ("A question leaves no room for its text",
     lambda: cut_windows(
         calls.question("who " * 40), load_tokenizer("minilm_l6"), cap=32, stride=8), ValueError,
     "has 40 tokens: with 3 special ones and a stride of 8 nothing new of its context fits into a"),
    ],
    "Further pre-training": [
    ("A corpus is too small",
     lambda: cut_documents(["a short text"], load_tokenizer("minilm_l6"), length=128), ValueError,
     "expected a corpus of at least one sequence of 128 tokens, found 5 tokens in 1 documents."),
    ("A corpus holds test texts",
     lambda: refuse_overlap(
         Corpus("mine", ("one two three four five",)), ["One, two three four"]), ValueError,
     "found 1 of 1 documents of mine that hold one of the 1, exactly or nearly, such as document"),
    ("A corpus holds empty documents",
     lambda: Corpus("mine", ("one", " ")), ValueError,
     "mine: expected documents with text in them, found 2, of which 1 are empty. Leave the empty"),
    ("A control corpus is too small",
     lambda: of_equal_size(Corpus("mine", ("one two",)), 90, len, 0), ValueError,
     "expected mine to measure at least 90, found 7. Make the other corpus smaller: a control"),
    ("Tokens are hidden from a network that has no mask",
     lambda: masked_fetch(None, SimpleNamespace(mask_token_id=None)), ValueError,
     "expected a tokenizer with a mask token, found none: its network guesses the next token"),
    ("Nothing is hidden",
     lambda: Masking(rate=0), ValueError,
     "expected a masking rate above 0 and below 1, found 0: with 0 there is nothing to guess"),
    ("Everything is hidden",
     lambda: Masking(rate=1.0), ValueError,
     "expected a masking rate above 0 and below 1, found 1.0: with 0 there is nothing to guess"),
    ("Shares add up to more than one",
     lambda: Masking(masked=0.8, random=0.3), ValueError,
     "expected shares of masked and random tokens that add up to at most 1, found 0.8 and 0.3."),
    ("A document is longer than a batch",
     lambda: by_tokens(np.arange(2), np.array([5, 200]), 128), ValueError,
     "of at most 128 tokens, found (2,) with a longest of 200. Cut the documents shorter."),
    ],
    "Few examples, prompts and servers": [
    ("Prototypes are made of one class",
     lambda: prototypes(np.ones((4, 2)), np.zeros(4)), ValueError,
     "prototypes need at least two classes, found one class only: "),
    ("A batch asks for more of a class than there are",
     lambda: balanced(POOL, LABELS, 11), ValueError,
     "expected 2 to 10 examples of each class in a batch, as many as the smallest class has, "),
    ("A pattern ends with a space",
     lambda: Prompt(("art", "sport"), pattern="\n{text} "), ValueError,
     "expected a pattern with {text} in it that ends without a space, found '\\n{text} '. The"),
    ("One word stands for two classes",
     lambda: Prompt(("art", "art")), ValueError,
     "the label word 'art' stands for two classes, so no answer could tell them apart. Give each"),
    ("One label word begins another",
     lambda: calls.asked(Prompt(("art", "art history")), ["a match"]), ValueError,
     "the label word 'art history' begins with those of 'art', so it can never be the more "),
    ("A prompt is too long",
     calls.many_demonstrations, ValueError,
     "tokens with 40 demonstrations, and the model reads at most 128. The first "),
    ("A question is too long",
     lambda: calls.asked(calls.TOPICS, ["a match " * 100], window=128), ValueError,
     "tokens, and the model reads at most 128. Shorten the texts."),
    ("A server does not answer",
     calls.ask_server, EndpointError,
     "http://127.0.0.1:9/v1 gave no answer in 1 tries: "),
    ("There is no key for a server",
     lambda: calls.ask_server(key="MY_KEY"), EndpointError,
     "there is no key: expected the environment variable MY_KEY, or a Colab secret of that name"),
    ("A call would cost too much",
     lambda: calls.ask_server(price_in=1e6), EndpointError,
     "this would cost more than the limit of 0.0000 US dollars: 1 requests, about "),
    ("The packages that ask a server are missing",
     partial(calls.without, "diskcache", calls.ask_server), EndpointError,
     "asking a server needs the packages openai, tenacity and diskcache, found not all of them. "),
    ],
    "Exercises": [
    ("An exercise's number is wrong",
     lambda: check("00.9", len), ValueError,
     "Expected the number of an exercise (R.1, "),
    ],
    "The command line": [
    ("A lesson's name is misspelt",
     lambda: find(ROOT, "00_start_her"), FileNotFoundError,
     "expected a notebook, found no '00_start_her'; did you mean: 00_start_here"),
    ("JupyterLab is not installed",
     partial(calls.without, "jupyterlab", lambda: lab(ROOT)), ModuleNotFoundError,
     "No module named 'jupyterlab'"),
    ("An experiment's name is misspelt",
     lambda: record("what_to_trian"), LookupError,
     "there is no experiment 'what_to_trian'. Expected one of: "),
    ("The shared cache is not where it should be",
     calls.shared_nowhere, FileNotFoundError,
     "the COMPANION_SHARED_CACHE, found no folder transfer-learning-measured there that may be "),
    ],
    "The classroom": [
    ("An exercise of a lesson is not whole",
     lambda: learner(calls.exercise_of("def f(): ...", "f()")), ValueError,
     "cell 1: expected the stub of a known exercise, its check in the next cell and one solution, "
     "found exercise '00.1', no check and 1 solutions"),
    ("An exercise's stub has no place for the answer",
     lambda: nbgrader_source(calls.exercise_of("def f():\n    pass", 'check("00.1", f)')),
     ValueError,
     "exercise 00.1: expected a solution in ```python and a stub with one line "
     "'    ...  # your code here', found 'def f():\\n    pass'"),
    ("A folder for an edition holds other files",
     lambda: build(ROOT, calls.foreign(), ["refreshers"]), FileExistsError,
     "expected a new or empty folder, or an earlier build, found other files in "),
    ("An edition is asked of no lesson",
     lambda: build(ROOT, calls.foreign() / "new", ["refresher"]), FileNotFoundError,
     "expected a notebook, found no 'refresher'; did you mean: refreshers"),
    ("A folder holds no submissions",
     lambda: grade(ROOT, calls.foreign(), Path("grades.csv"), Limits()), FileNotFoundError,
     ", found no notebook; name the folder that holds the students' folders"),
    ("A file of grades is there already",
     lambda: grade(ROOT, calls.foreign(), calls.foreign() / "thesis.txt", Limits()),
     FileExistsError,
     "expected a new file for the grades, found "),
    ("A folder for a pack holds other files",
     lambda: pack(ROOT, calls.foreign(), ["refreshers"]), FileExistsError,
     "expected a new or empty folder, or an earlier pack, found other files in "),
    ("A rehearsal is asked for one learner",
     lambda: rehearse(ROOT, "refreshers", 1), ValueError,
     "expected at least 2 learners, found 1; for one, use `companion run`"),
    ],
}  # fmt: skip
MESSAGES = [row for rows in GROUPS.values() for row in rows]
