"""Figures and controls of the lessons on tags and spans: labels of tokens, scores of answers."""

from __future__ import annotations

import html
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from transformers import PreTrainedTokenizerBase

from companion.data.cleaning import masked
from companion.data.spans import Questions
from companion.data.tags import TagFetch
from companion.evidence.bio import entities_of
from companion.teaching.figures import HOUSE_STYLE, OKABE_ITO, show
from companion.teaching.page import controlled, look, put
from companion.teaching.text_figures import arrow, box
from companion.transfer.answers import Ranked

Row = tuple[str, str, str]
HEADS: Row = ("token", "tag of the word", "label")


def heads_figure() -> None:
    """Show one body with three heads: a label for the text, a tag for each word, two ends."""
    alt = (
        "A wide box at the bottom, the pretrained body. Three arrows go up from it to three boxes, "
        "the heads. Above them stand their answers: one label for a text, negative; one tag for "
        "each word, such as O, B, I; the first and the last token of an answer."
    )
    show(draw_heads(), alt, "One body, three heads. Only the small top part differs.")


def draw_heads() -> Figure:
    """Return the figure of `heads_figure`."""
    heads = (
        ("label head", "flight late again", "negative"),
        ("tag head", "Jets coach Rex Ryan", "B    O    B    I"),
        ("span head", "Who wrote it? ... by Ann Lee.", "first: Ann   last: Lee"),
    )
    with mpl.rc_context(HOUSE_STYLE):
        fig = Figure(figsize=(8, 3.8))
        ax = fig.subplots()
        ax.set_axis_off()
        ax.set_xlim(-1.6, 5.6)
        ax.set_ylim(-0.4, 3.4)
        box(ax, 2, 0.2, "the pretrained body: the same for all three", "#444444", 6.4)
        for i, (name, text, answer) in enumerate(heads):
            x, colour = 2 + 2.3 * (i - 1), OKABE_ITO[i]
            arrow(ax, x, 0.6, 1.15, colour)
            box(ax, x, 1.5, name, colour)
            arrow(ax, x, 1.85, 2.3, colour)
            ax.text(x, 2.5, answer, ha="center", size=12, color=colour, weight="bold")
            ax.text(x, 3.0, text, ha="center", size=11, color="#444444")
    return fig


def label_rows(fetch: TagFetch, tokenizer: PreTrainedTokenizerBase, i: int) -> list[Row]:
    """Return (token, tag of its word, label) for every token of tagged text `i`."""
    tagged, words, tags = fetch.tagged, fetch.texts.words[i], fetch.texts.tags[i]
    span = slice(tagged.tokens.offsets[i], tagged.tokens.offsets[i + 1])
    tokens = tokenizer.convert_ids_to_tokens(tagged.tokens.ids[span])
    rows = []
    for token, label, place in zip(tokens, tagged.labels[span], tagged.words[span], strict=True):
        hidden = place >= 0 and words[place].startswith("@")
        tag = tags[place] if place >= 0 else ""
        rows.append(("[name]" if hidden else token, tag, str(label)))
    return rows


def label_words(rows: Sequence[Row]) -> str:
    """Return the same in words, a line for each token."""
    lines = ("".join(f"{cell:<18}" for cell in row).rstrip() for row in (HEADS, *rows))
    return "\n".join(lines)


def label_page(rows: Sequence[Row]) -> str:
    """Return the same as an HTML table of three rows, a column for each token."""
    body = ""
    for head, cells in zip(HEADS, zip(*rows, strict=True), strict=True):
        inside = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        body += f'<tr><th scope="row">{head}</th>{inside}</tr>'
    return f'<div style="overflow-x:auto" tabindex="0"><table>{body}</table></div>'


def label_explorer(fetch: TagFetch, tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> None:
    """Show the tokens and labels of the first of these texts, then a list to choose from."""
    rows = {_title(fetch, i): label_rows(fetch, tokenizer, i) for i in ids}
    first = next(iter(rows))
    put(label_words(rows[first]), label_page(rows[first]))
    choice({title: label_page(found) for title, found in rows.items()}, "tweet")


def _title(fetch: TagFetch, i: int) -> str:
    return masked(" ".join(fetch.texts.words[i]))[:70]


def choice(pages: dict[str, str], description: str) -> None:
    """Display a list of titles, and the page of the chosen one under it."""
    import ipywidgets as widgets
    from IPython.display import display

    field = widgets.Dropdown(options=list(pages), description=description, **look("46em"))
    display(controlled([field], pages.__getitem__))


def named(words: Sequence[str], tags: Sequence[str]) -> str:
    """Return a text with its names in brackets, and their kind where there are several."""
    out = list(words)
    for entity in entities_of(tags):
        kind = "" if entity.kind == "entity" else f" {entity.kind}"
        out[entity.start] = f"[{out[entity.start]}"
        out[entity.end - 1] = f"{out[entity.end - 1]}]{kind}"
    return masked(" ".join(out))


def answers_words(asked: Questions, i: int, found: Ranked) -> str:
    """Return in words what was asked, the best answers with their scores, and what is right."""
    truths = list(dict.fromkeys(asked.truths([i])[0])) or ["(none)"]
    lines = [asked.questions[i], f"right: {' | '.join(truths)}"]
    lines += [f"{c.score:8.2f}  {c.text}" for c in found.candidates]
    return "\n".join([*lines, f"{found.none:8.2f}  (none)"])


def answers_page(asked: Questions, i: int, found: Ranked) -> str:
    """Return the same as HTML, with the context, in which the best answer is marked."""
    context = asked.contexts[i]
    if found.candidates:
        a, b = found.candidates[0].start, found.candidates[0].end
        parts = [html.escape(part) for part in (context[:a], context[a:b], context[b:])]
        text = f"{parts[0]}<mark>{parts[1]}</mark>{parts[2]}"
    else:
        text = html.escape(context)
    words = html.escape(answers_words(asked, i, found)).split("\n")
    rows = "".join(f"<li><code>{line.strip()}</code></li>" for line in words[2:])
    return f"<p><b>{words[0]}</b></p><p>{text}</p><p>{words[1]}</p><ul>{rows}</ul>"


def answer_explorer(asked: Questions, ids: Sequence[int], found: Sequence[Ranked]) -> None:
    """Show the first of these questions with its answers, then a list to choose another from."""
    pages, lines = {}, []
    for i, ranked in zip(ids, found, strict=True):
        pages[f"{asked.questions[i]} {asked.contexts[i][:48]}"] = answers_page(asked, i, ranked)
        lines.append(answers_words(asked, i, ranked))
    put(lines[0], next(iter(pages.values())))
    choice(pages, "question")


def span_scores(
    tokens: Sequence[str],
    logits: np.ndarray,
    legal: np.ndarray,
    longest: int,
    alt: str,
    caption: str = "",
) -> None:
    """Show the score of every pair of first and last token, and which pairs may not be given.

    `logits` (T, 2), `legal` (T,) bool: the tokens that may answer.
    """
    scores = logits[:, 0, None] + logits[None, :, 1]
    places = np.arange(len(tokens))
    length = places[None, :] - places[:, None] + 1
    allowed = legal[:, None] & legal[None, :] & (length >= 1) & (length <= longest)
    best = np.unravel_index(np.where(allowed, scores, -np.inf).argmax(), scores.shape)
    table = [["token", "as the first", "as the last", "may answer"]]
    for token, (first, last), ok in zip(tokens, logits, legal, strict=True):
        table.append([token, f"{first:.1f}", f"{last:.1f}", "yes" if ok else "no"])
    fig = draw_span_scores(tokens, scores, allowed, (int(best[0]), int(best[1])))
    show(fig, alt, caption, table)


def draw_span_scores(
    tokens: Sequence[str], scores: np.ndarray, allowed: np.ndarray, best: tuple[int, int]
) -> Figure:
    """Return the figure of `span_scores`; `scores` and `allowed` (T, T): first, last."""
    with mpl.rc_context(HOUSE_STYLE):
        fig = Figure(figsize=(8, 7))
        ax = fig.subplots()
        shown = np.where(allowed, scores, np.nan)
        ax.set_facecolor("#e8e8e8")
        image = ax.imshow(shown, cmap="Blues", aspect="equal")
        frame = mpl.patches.Rectangle(
            (best[1] - 0.5, best[0] - 0.5), 1, 1, fill=False, ec=OKABE_ITO[1], lw=3
        )
        ax.add_patch(frame)
        ax.set_xticks(range(len(tokens)), tokens, rotation=90, size=10)
        ax.set_yticks(range(len(tokens)), tokens, size=10)
        ax.set_xlabel("last token")
        ax.set_ylabel("first token")
        ax.grid(False)
        fig.colorbar(image, ax=ax, label="score of the pair", shrink=0.7)
    return fig
