"""Encoders that read a domain before us: what each was trained on, and what it has seen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """What is known of a published encoder, as its authors report it."""

    repo: str
    began_as: str
    read: str
    vocabulary: str
    seen: str  # public test sets whose texts or labels it met in training
    source: str


BERT = "google-bert/bert-base-uncased"

DOMAIN_ENCODERS = {
    "BERT": Card(
        BERT,
        "random weights",
        "English Wikipedia and books",
        "its own, lower case",
        "none by its labels; any set made of Wikipedia, such as SQuAD, by its text",
        "Devlin et al. 2019, arXiv 1810.04805",
    ),
    "FinBERT": Card(
        "ProsusAI/finbert",
        "BERT, lower case",
        "financial news (a part of TRC2), then sentences with their labels",
        "BERT's",
        "Financial PhraseBank, by its labels: a test on that set is no test of it",
        "Araci 2019, arXiv 1908.10063",
    ),
    "BioBERT": Card(
        "dmis-lab/biobert-v1.1",
        "BERT, with capitals",
        "abstracts of PubMed",
        "BERT's, with capitals",
        "none by its labels; sets made of PubMed abstracts, such as NCBI-disease, BC5CDR and "
        "ChemProt, most likely by their text",
        "Lee et al. 2020, arXiv 1901.08746",
    ),
    "LegalBERT": Card(
        "nlpaueb/legal-bert-base-uncased",
        "random weights",
        "laws, court cases and contracts in English, 12 GB",
        "its own, made from that text",
        "none by its labels; cases of the European Court of Human Rights by their text, which "
        "ECtHR test sets are made of",
        "Chalkidis et al. 2020, arXiv 2010.02559",
    ),
    "SciBERT": Card(
        "allenai/scibert_scivocab_uncased",
        "random weights",
        "1.14 million papers, most of them biomedical",
        "its own, made from that text",
        "none by its labels; sets made of papers, such as ACL-ARC, SciERC and ChemProt, perhaps by "
        "their text",
        "Beltagy et al. 2019, arXiv 1903.10676",
    ),
}


def card(name: str) -> str:
    """Return what is known of a published encoder, in lines to be read before it is compared.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in DOMAIN_ENCODERS:
        raise ValueError(
            f"there is no card for {name!r}. Expected one of {', '.join(DOMAIN_ENCODERS)}; read "
            "what another encoder was trained on before you compare it."
        )
    found = DOMAIN_ENCODERS[name]
    return "\n".join(
        (
            f"{name} ({found.repo})",
            f"  began as    {found.began_as}",
            f"  read        {found.read}",
            f"  vocabulary  {found.vocabulary}",
            f"  has seen    {found.seen}",
            f"  source      {found.source}",
        )
    )
