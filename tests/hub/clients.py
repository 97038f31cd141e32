"""What the tests ask of the real clients, each in a process of its own (see conftest.py)."""

from __future__ import annotations

from pathlib import Path


def fetch(repo: str, filename: str, kind: str = "model", revision: str | None = None) -> str:
    """Return where `hub_file` put a file."""
    from companion.data.hub import hub_file

    return str(hub_file(repo, filename, kind=kind, revision=revision))


def fetch_despite(repo: str, filename: str) -> dict:
    """Return what `hub_file` says while a fault is on, and that it works once it is lifted."""
    import urllib.request

    from huggingface_hub import constants

    from companion.data.hub import HubError, hub_file

    try:
        return {"path": str(hub_file(repo, filename))}
    except HubError as error:
        said = str(error)
    left = [str(p) for p in Path(constants.HF_HUB_CACHE).rglob("blobs/*")]
    with urllib.request.urlopen(f"{constants.ENDPOINT}/standin/lift"):
        return {"said": said, "left": left, "path": str(hub_file(repo, filename))}


def fetch_twice(repo: str, filename: str, damage: bool) -> int:
    """Fetch a file, change the copy in the cache if asked to, fetch again; count the hashings."""
    from companion.data import hub

    counted = []
    digest = hub._digest
    hub._digest = lambda path, etag, what: counted.append(path) or digest(path, etag, what)
    path = Path(hub.hub_file(repo, filename)).resolve()
    if damage:
        path.write_bytes(b"x" * path.stat().st_size)
    hub.hub_file(repo, filename)
    return len(counted)


def pictures(name: str, options: dict) -> dict:
    """Return what `load_hub_pictures` made of a data set."""
    from companion.data.hub_pictures import load_hub_pictures, official_split

    loaded = load_hub_pictures(name, **options)
    again = load_hub_pictures(name, **options)
    split = official_split(loaded)
    return {
        "shape": list(loaded.pixels.shape),
        "mapped": hasattr(loaded.pixels, "_mmap"),
        "middles": loaded.pixels[:, :, 4, 4].tolist(),
        "labels": loaded.labels.tolist(),
        "classes": list(loaded.classes),
        "kinds": loaded.kinds.tolist(),
        "groups": loaded.groups.tolist(),
        "digest": loaded.digest,
        "same": loaded.digest == again.digest,
        "split": [part.tolist() for part in (split.train, split.validation, split.test)],
    }


def pictures_despite(name: str, options: dict) -> dict:
    """Return what `load_hub_pictures` says under a fault, and what it gives once it is lifted."""
    import urllib.request

    from huggingface_hub import constants

    from companion.data.hub_pictures import load_hub_pictures

    try:
        load_hub_pictures(name, **options)
        said = "nothing"
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    with urllib.request.urlopen(f"{constants.ENDPOINT}/standin/lift"):
        return {"said": said, "labels": load_hub_pictures(name, **options).labels.tolist()}


def train_three_ways(name: str, served: str, size: int, upto: str, rate: float) -> dict:
    """Probe, fine-tune above `upto`, fine-tune all: which blocks move, and the losses.

    First the weights that came through the hub are compared with the file that was `served`.
    """
    import numpy as np
    import torch
    from safetensors.torch import load_file

    from companion.data.vision import PictureFetch
    from companion.models.heads import add_label_head
    from companion.models.vision import create_network, load_backbone
    from companion.transfer import recipes
    from companion.transfer.fit import FitConfig
    from tests.toys import toy_pictures

    fetch = PictureFetch(toy_pictures(16, side=size), device=torch.device("cpu"))
    ids, plan = np.arange(16), FitConfig(epochs=2, progress=False, warmup=0.0)
    ways = {
        "probe": lambda model: recipes.linear_probe(model, fetch, ids),
        "partial": lambda model: recipes.fine_tune(model, fetch, ids, plan, rate=rate, upto=upto),
        "full": lambda model: recipes.fine_tune(model, fetch, ids, plan, rate=rate),
    }
    state = create_network(name, size=224, pretrained=True, seed=0).state_dict()
    wanted = load_file(served)
    unlike = [k for k in state.keys() | wanted if not torch.equal(state[k], wanted[k].to(state[k]))]
    out = {"tensors": len(state), "unlike": unlike}
    for way, run in ways.items():
        backbone = load_backbone(name, size=size, device="cpu", frozen_dtype=torch.float32)
        model = add_label_head(backbone, 2)
        before = {key: value.clone() for key, value in model.state_dict().items()}
        records = run(model) or []
        after = model.state_dict()
        changed = {int(k.split(".")[1]) for k in before if not torch.equal(before[k], after[k])}
        out[way] = {
            "moved": [model.names[i] for i in sorted(changed)],
            "losses": [record["loss"] for record in records],
        }
    return out | {"names": model.names}


def encode(repo: str, absent: str) -> dict:
    """Load a text model and its tokenizer with transformers' own client, and run one sentence.

    And say what it says of a repository that is `absent`.
    """
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(repo)
    model = AutoModel.from_pretrained(repo, dtype=torch.float32).eval()
    ids = tokenizer("the cat sat", return_tensors="pt")
    with torch.no_grad():
        out = model(**ids).last_hidden_state
    try:
        said = type(AutoModel.from_pretrained(absent)).__name__
    except OSError as error:
        said = str(error)
    return {"ids": ids["input_ids"][0].tolist(), "sum": out.sum().item(), "said": said}


def train_on_texts(name: str, served: str) -> dict:
    """Load a text network and its tokenizer, compare the weights with the file, and train them."""
    import numpy as np
    import torch

    from companion.data.text import Texts
    from companion.models.heads import add_label_head
    from companion.models.text import load_text_backbone, load_tokenizer, text_fetch
    from companion.transfer.fit import FitConfig
    from companion.transfer.recipes_text import fine_tune
    from tests.toys_text import published_tensors, toy_sentences

    backbone = load_text_backbone(name, device="cpu")
    state, wanted = backbone.state_dict(), published_tensors(backbone, served)
    unlike = [k for k, v in state.items() if k not in wanted or not torch.equal(v, wanted[k])]
    zeros, labels = np.zeros(48), np.arange(48) % 2
    texts = Texts("toy", tuple(toy_sentences(48)), labels, ("good", "bad"), zeros, zeros, zeros)
    fetch = text_fetch(texts, backbone, load_tokenizer(name))
    model = add_label_head(backbone, 2)
    plan = FitConfig(epochs=20, progress=False)
    records = fine_tune(model, fetch, np.arange(48), plan, rate=5e-3)
    moved = [k for k, v in model.state_dict().items() if not torch.equal(v, wanted.get(k, v + 1))]
    return {
        "tensors": len(state),
        "unlike": unlike,
        "moved": len(moved),
        "losses": [record["loss"] for record in records],
    }


def text_features(name: str, options: dict) -> list[float]:
    """Return the sum of the features of one text, and how many ids it has."""
    import torch

    from companion.data.examples import Padded
    from companion.models.text import load_text_backbone, load_tokenizer

    blocks = load_text_backbone(name, device="cpu", **options)
    ids = torch.tensor([load_tokenizer(name)("the film was great")["input_ids"]])
    with torch.no_grad():
        features = blocks(Padded(ids, torch.tensor([ids.shape[1]])))
    return [features.abs().sum().item(), ids.shape[1]]


def tokens(name: str) -> list[str]:
    """Return the tokens of one text; of the repository only the tokenizer is downloaded."""
    from companion.models.text import load_tokenizer

    return load_tokenizer(name).tokenize("the film was great")


def text_despite(name: str) -> dict:
    """Return how loading a text network is refused under a fault, and that it works after it."""
    import urllib.request

    from huggingface_hub import constants

    try:
        text_features(name, {})
        said = "nothing"
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    with urllib.request.urlopen(f"{constants.ENDPOINT}/standin/lift"):
        return {"said": said, "features": text_features(name, {})}


def refused_texts(names: list[str]) -> list[str]:
    """Return how loading each of these text networks is refused."""
    said = []
    for name in names:
        try:
            text_features(name, {})
            said.append("made")
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")
    return said


def refused(names: list[str]) -> list[str]:
    """Return how making each of these networks with weights from the hub is refused."""
    from companion.models.vision import create_network

    said = []
    for name in names:
        try:
            create_network(name, size=224, pretrained=True, seed=0)
            said.append("made")
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")
    return said


def tagged(name: str, options: dict) -> dict:
    """Return what `load_hub_tags` made of a data set."""
    from companion.data.hub_texts import load_hub_tags

    texts, split = load_hub_tags(name, **options)
    return {
        "classes": list(texts.classes),
        "first": [list(texts.words[0]), list(texts.tags[0])],
        "last": list(texts.words[-1]),
        "sizes": [len(part) for part in (split.train, split.validation, split.test)],
        "ends": [int(split.train[-1]), int(split.validation[-1]), int(split.test[-1])],
    }


def asked(name: str, options: dict) -> dict:
    """Return what `load_hub_questions` made of a data set."""
    from companion.data.hub_texts import load_hub_questions

    questions, split = load_hub_questions(name, **options)
    parts = split.train, split.validation, split.test
    return {
        "truths": questions.truths(range(min(8, len(questions)))),
        "kinds": sorted(set(questions.kinds.tolist())),
        "parts": [part.tolist()[:8] for part in parts],
        "sizes": [len(part) for part in parts],
        "titles": [sorted({int(g) for g in questions.groups[part]})[:9] for part in parts],
    }


def refused_set(loader: str, name: str, options: dict) -> str:
    """Return how a set of tagged texts or of questions is refused."""
    from companion.data import hub_texts

    try:
        getattr(hub_texts, loader)(name, **options)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "loaded"


def learn_tags_and_answers(network: str, tags: str, questions: str) -> dict:
    """Train both heads on a network and two sets, all from the hub; return losses and answers."""
    import numpy as np

    from companion.data.hub_texts import load_hub_questions, load_hub_tags
    from companion.data.spans import SpanFetch, cut_windows
    from companion.data.tags import TagFetch, align
    from companion.models.text import load_text_backbone, load_tokenizer
    from companion.models.token_heads import SPAN_ENDS, add_token_head, span_loss, tag_loss
    from companion.transfer.answers import predict_answers, predict_tags
    from companion.transfer.fit import FitConfig
    from companion.transfer.recipes_tokens import fine_tune_tokens

    tokenizer, plan = load_tokenizer(network), FitConfig(epochs=25, progress=False)
    texts, _ = load_hub_tags(tags)
    asked, _ = load_hub_questions(questions)
    fetches = {
        "tags": (TagFetch(texts, align(texts, tokenizer, cap=16)), len(texts.classes), tag_loss),
        "spans": (
            SpanFetch(asked, cut_windows(asked, tokenizer, cap=24, stride=2)),
            SPAN_ENDS,
            span_loss,
        ),
    }
    out = {}
    for task, (fetch, outputs, loss) in fetches.items():
        model = add_token_head(load_text_backbone(network, device="cpu"), outputs)
        ids = np.arange(len(texts)) if task == "tags" else np.arange(len(fetch.windows.question))
        records = fine_tune_tokens(model, fetch, ids, plan, loss=loss, rate=1e-2)
        out[task] = [record["loss"] for record in records]
        if task == "tags":
            out["said"] = predict_tags(model, fetch, ids)
        else:
            found = predict_answers(model, fetch, np.arange(len(asked)))
            out["answered"] = [ranked.text() for ranked in found]
    return out | {"tagged": [list(row) for row in texts.tags]}


def run_cell(source: str) -> str:
    """Run a lesson's cell, with what the cells above it have imported; return what it prints."""
    import contextlib
    import io

    import numpy as np

    from companion.data.vision import PictureFetch
    from companion.models.heads import add_label_head
    from companion.models.vision import load_backbone
    from companion.transfer import recipes
    from companion.transfer.predict import features_by_block
    from companion.transfer.probe import choose_probe

    room = {
        "np": np,
        "PictureFetch": PictureFetch,
        "add_label_head": add_label_head,
        "load_backbone": load_backbone,
        "recipes": recipes,
        "features_by_block": features_by_block,
        "choose_probe": choose_probe,
    }
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(source, room)
    return printed.getvalue()


def labelled(name: str, options: dict) -> dict:
    """Return what a set of labelled texts holds."""
    from companion.data.hub_labels import load_hub_labels

    texts, split = load_hub_labels(name, **options)
    parts = split.train, split.validation, split.test
    return {
        "classes": list(texts.classes),
        "texts": list(texts.texts),
        "labels": texts.labels.tolist(),
        "parts": [part.tolist() for part in parts],
    }


def prompted(name: str, folder: str) -> dict:
    """Score two label words with a causal network, and with the network in `folder` read whole."""
    import torch
    from transformers import AutoModelForCausalLM

    from companion.data.prompts import Prompt, with_demonstrations
    from companion.models.causal import load_causal
    from companion.models.text import load_tokenizer
    from companion.transfer.incontext import label_scores

    plain = Prompt(("good", "bad"), pattern="{text} was", gap=" ")
    prompt = with_demonstrations(plain, ["the film", "the plot"], [0, 1])
    model, tokenizer = load_causal(name, device="cpu"), load_tokenizer(name)
    scores = label_scores(model, tokenizer, prompt, ["a film"])[0]
    net = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    start = len(tokenizer(prompt.whole("a film"), add_special_tokens=False)["input_ids"])
    whole = []
    for label in range(2):
        text = prompt.whole("a film") + prompt.answer(label)
        ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
        with torch.no_grad():
            each = net(ids).logits[0, :-1].log_softmax(dim=-1).gather(1, ids[0, 1:, None])
        whole.append(float(each[start - 1 :].sum()))
    return {"scores": scores.tolist(), "whole": whole}
