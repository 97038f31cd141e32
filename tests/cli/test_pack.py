"""The pack for a stick: made with the network, then installed and run with none."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from companion.cli import install_pack, pack
from companion.cli.offline import network_cut
from tests.conftest import ROOT


@pytest.mark.online
@pytest.mark.slow
def test_a_pack_installs_and_runs_lesson_00_without_a_network(
    tmp_path, monkeypatch, capfd, measured
):
    cut = network_cut()
    if not cut:
        pytest.skip("expected a system that can cut the network (Linux, unshare), found none")
    monkeypatch.setenv("COMPANION_CACHE", str(tmp_path / "unused"))  # pack sets its own
    stick, target = tmp_path / "stick", tmp_path / "course"
    assert pack.pack(ROOT, stick, ["00_start_here"]) == 0
    environment = {"PATH": "/usr/bin:/bin", "COMPANION_CACHE": str(tmp_path / "learner")}
    environment["PIP_NO_COMPILE"] = "1"  # what is imported once is not worth compiling whole
    # Nothing of this environment may help: no path to the package, no cache of pip's.
    run = {"cwd": tmp_path, "env": environment, "check": True}
    subprocess.run([*cut, sys.executable, str(stick / "install.py"), str(target)], **run)
    companion = str(target / ".venv" / "bin" / "companion")
    run["cwd"] = target
    subprocess.run([*cut, companion, "assets", "verify"], **run)
    subprocess.run([*cut, companion, "run", "00_start_here"], **run)
    told = capfd.readouterr().out
    assert "00_start_here.ipynb" in told.splitlines()[-1]
    assert told.rstrip().endswith("ok")
    measured("\n".join(line for line in told.splitlines() if line.endswith(("MB", "ok"))))


def facts(**changed):
    here = {
        "version": "0.1.0",
        "python": [str(number) for number in sys.version_info[:2]],
        "system": install_pack.platform.system(),
        "machine": install_pack.platform.machine(),
        "cache": "transfer-learning-measured",
    }
    return here | changed


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    folder = tmp_path / "pack" / "wheels"
    folder.mkdir(parents=True)
    (folder / "one.whl").write_bytes(b"x" * 1000)
    monkeypatch.setattr(install_pack, "PACK", folder.parent)
    return folder


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"python": ["3", "10"]},
            r"expected Python 3\.10 on .*; start it with python3\.10, or make",
        ),
        (
            {"system": "Windows"},
            r"expected Python 3\.\d+ on Windows .* found Python 3\.\d+ on Linux",
        ),
    ],
)
def test_a_pack_of_another_machine_is_refused(wheels, tmp_path, changed, said):
    with pytest.raises(SystemExit, match=said):
        install_pack.refuse_what_does_not_fit(facts(**changed), tmp_path / "new")


def test_a_folder_with_the_course_is_refused_and_an_interrupted_one_is_not(wheels, tmp_path):
    (tmp_path / "old" / ".venv").mkdir(parents=True)
    install_pack.refuse_what_does_not_fit(facts(), tmp_path / "old")
    (tmp_path / "old" / install_pack.DONE).touch()
    with pytest.raises(SystemExit, match="expected a new folder, found .*old with the course"):
        install_pack.refuse_what_does_not_fit(facts(), tmp_path / "old")


def test_caches_are_copied_whole_and_what_is_there_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPANION_CACHE", str(tmp_path))
    packed, own = tmp_path / "packed", tmp_path / "transfer-learning-measured"
    (packed / "pictures-1").mkdir(parents=True)
    (packed / "pictures-1" / "a.npy").write_text("packed")
    (packed / "formats.json").write_text("packed")
    own.mkdir()
    (own / "formats.json").write_text("mine")
    (own / ".pictures-1.tmp").mkdir()  # a copy that was interrupted
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    install_pack.copy_caches(sys.executable, packed)
    assert (own / "pictures-1" / "a.npy").read_text() == "packed"
    assert (own / "formats.json").read_text() == "mine"
    assert sorted(path.name for path in own.iterdir()) == ["formats.json", "pictures-1"]


def test_too_small_a_disk_is_told_before_anything_is_written(wheels, tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 10})()
    monkeypatch.setattr(install_pack.shutil, "disk_usage", lambda place: usage)
    with pytest.raises(SystemExit, match=r"expected 0\.0 GB free for .*new, found 0\.0 GB"):
        install_pack.refuse_what_does_not_fit(facts(), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_what_fits_is_not_refused(wheels, tmp_path):
    assert install_pack.refuse_what_does_not_fit(facts(), tmp_path / "new") is None


def test_a_folder_that_is_no_pack_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="expected a new or empty folder, or an earlier pack"):
        pack.pack(ROOT, tmp_path, ["00_start_here"])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_pip_could_not_bring_is_told(tmp_path):
    with pytest.raises(RuntimeError, match="expected pip to bring the packages, found: ERROR"):
        pack._pip("download", "--no-index", "--dest", str(tmp_path), "no-such-package-here")


def test_the_lessons_of_a_pack_have_no_outputs(tmp_path):
    pack._copy_lessons(ROOT, tmp_path / "course")
    source = tmp_path / "course" / "notebooks" / "00_start_here.ipynb"
    cells = json.loads(source.read_text("utf-8"))["cells"]
    assert all(not cell["outputs"] for cell in cells if cell["cell_type"] == "code")
    assert (tmp_path / "course" / "book.toml").is_file()


def test_the_installer_needs_nothing_but_python():
    text = Path(install_pack.__file__).read_text("utf-8")
    imported = {
        line.split()[1] for line in text.splitlines() if line.startswith(("import", "from"))
    }
    assert imported <= set(sys.stdlib_module_names)
