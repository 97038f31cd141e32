"""The texts of lesson 05: definitions, licences and rules, and what no corpus may hold."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.data.corpus import Corpus
from companion.data.licence_categories import (
    CATEGORIES,
    load_licence_categories,
    load_licence_rules,
)
from companion.data.near import near_duplicates, near_duplicates_by_minhash
from companion.data.overlap import copies_of_test, refuse_overlap, without_copies_of_test
from companion.data.phenotypes import SYSTEMS, load_phenotype_text, load_phenotypes, one_line


def words(n: int, seed: int) -> list[str]:
    return [f"w{i}" for i in np.random.default_rng(seed).integers(0, 5000, n)]


def test_definitions_belong_to_one_organ_system() -> None:
    found = load_phenotypes()
    counts = Counter(found.kinds.tolist())
    assert len(found) == 6870 and set(counts) == set(SYSTEMS.values())
    assert counts["nervous"] == 1941 and counts["digestive"] == 424
    assert [found.classes[label] for label in found.labels] == found.kinds.tolist()
    assert len(set(found.texts)) == len(found)
    dysplasia = next(i for i, t in enumerate(found.texts) if t.startswith("Multicystic dysplasia"))
    assert found.kinds[dysplasia] == "genitourinary"
    assert not any(mark in text for text in found.texts for mark in ('" [', "orcid.org"))
    assert np.bincount(found.groups).max() > 1  # many follow one pattern


def test_fields_of_the_ontology_are_read() -> None:
    assert one_line('"A \\"big\\" nose." [PMID:1, https://orcid.org/0]') == 'A "big" nose.'
    assert one_line("Plain comment\\nin two lines.") == "Plain comment in two lines."


def test_the_ontology_as_text_holds_definitions_and_comments() -> None:
    found = load_phenotype_text()
    assert len(found) == 16523
    said = next(t for t in found.texts if t.startswith("Multicystic dysplasia"))
    assert "is nonfunctional. Multicystic kidney dysplasia is the result" in said


def test_licences_have_one_of_five_categories() -> None:
    found = load_licence_categories()
    assert found.classes == CATEGORIES and len(found) == 1990
    assert Counter(found.kinds.tolist())["Permissive"] == 886
    assert len(np.unique(found.groups)) == 1275  # most of the rest are versions of one


@pytest.mark.alone
@pytest.mark.slow
def test_no_real_corpus_holds_a_test_text_in_less_than_a_minute(
    measured: Callable[[str], None],
) -> None:
    pairs = [
        (load_phenotype_text(), load_phenotypes()),
        (load_licence_rules(near_copies=True), load_licence_categories()),
    ]
    for corpus, test in pairs:
        copied = copies_of_test(corpus.texts, test.texts)
        with pytest.raises(ValueError, match=f"found {len(copied)} of {len(corpus)} documents"):
            refuse_overlap(corpus, test.texts)
        start = time.perf_counter()
        clean = without_copies_of_test(corpus, test.texts)
        refuse_overlap(clean, test.texts)
        seconds = time.perf_counter() - start
        measured(
            f"{corpus.name}: {len(copied):,} of {len(corpus):,} documents hold one of the "
            f"{len(test):,} {test.name}; removed and proved in {seconds:.1f} s"
        )
        assert len(copied) > 3000 and len(clean) == len(corpus) - len(copied)
        assert seconds < 60


def test_planted_copies_are_found_and_nothing_else() -> None:
    texts = [" ".join(words(40, seed)) for seed in range(60)]
    corpus = [" ".join(words(80, 1000 + seed)) for seed in range(50)]
    corpus[3] = texts[7]  # exact
    corpus[11] = texts[8].upper().replace(" ", ", ")  # case and punctuation
    corpus[20] = " ".join([*words(300, 501), texts[9], *words(300, 502)])  # in a long document
    changed = texts[10].split()
    changed[5], changed[30] = "other", "words"  # near: two of forty words differ
    corpus[33] = " ".join(changed)
    corpus[40] = " ".join(texts[11].split()[:10])  # a quarter of one: no copy
    assert copies_of_test(corpus, texts) == {3: 7, 11: 8, 20: 9, 33: 10}
    with pytest.raises(ValueError, match="found 4 of 50 documents of mine .* such as document 3"):
        refuse_overlap(Corpus("mine", tuple(corpus)), texts)
    clean = without_copies_of_test(Corpus("mine", tuple(corpus)), texts)
    assert len(clean) == 46
    refuse_overlap(clean, texts)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(12, 60), st.integers(0, 200), st.data())
def test_a_text_with_one_word_changed_is_always_found(seed, length, before, data) -> None:
    text = words(length, seed)
    copy = list(text)
    copy[data.draw(st.integers(0, length - 1))] = "changed"
    document = " ".join([*words(before, seed + 1), *copy])
    assert copies_of_test([document], [" ".join(text)]) == {0: 0}


def test_minhash_groups_what_the_exact_count_groups() -> None:
    texts = load_licence_rules(near_copies=True).texts[:1500]
    exact, fast = near_duplicates(texts), near_duplicates_by_minhash(texts)
    pairs = [
        {(i, j) for i in range(1500) for j in np.flatnonzero(groups[:i] == groups[i])}
        for groups in (exact, fast)
    ]
    assert pairs[1] <= pairs[0]  # none that are not alike
    assert len(pairs[1]) > 0.9 * len(pairs[0])


def test_planted_near_duplicates_are_found_by_minhash() -> None:
    texts = [" ".join(words(60, seed)) for seed in range(200)]
    for i in range(0, 40, 2):
        copy = texts[i].split()
        copy[30] = "changed"
        texts[i + 1] = " ".join(copy)
    groups = near_duplicates_by_minhash(texts)
    assert all(groups[i] == groups[i + 1] for i in range(0, 40, 2))
    assert len(set(groups)) == 180
