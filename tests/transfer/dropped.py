"""A training whose checkpoints go to a mounted drive that drops off: run by test_drive.py.

    unshare --map-root-user --mount python -m tests.transfer.dropped FOLDER STORY
    python -m tests.transfer.dropped RUN train

The first mounts a drive at FOLDER/content and starts the second, a process of its own. That one
trains 12 steps with a checkpoint after every other, waits for a word before each step, and can be
killed. Printed is what it warns of, what lies where, and a hash of the weights that it ends with.
"""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

from companion.transfer.checkpoint import newest_in, spare_folder
from tests.transfer.mounted import drop, mount, unmount


class Drive:
    """A drive mounted at FOLDER/content, whose files lie in FOLDER/held."""

    def __init__(self, folder: Path):
        self.held, self.at = folder / "held", folder / "content"
        self.held.mkdir()
        self.at.mkdir()
        self.run = self.at / "MyDrive" / "run"  # made by the training itself
        self.server = mount(self.held, self.at)

    def drop(self) -> None:
        """Let its server die."""
        drop(self.server)

    def come_back(self) -> None:
        """Mount it anew."""
        unmount(self.at)
        self.server = mount(self.held, self.at)


def training(drive: Drive, plan: dict[int, str]) -> None:
    """Train in a process of its own; before the given steps the drive drops, comes back, or it is
    killed. Prints what it prints, but for its steps."""
    command = [sys.executable, "-m", "tests.transfer.dropped", str(drive.run), "train"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        for line in process.stdout:
            if not line.startswith("step "):
                print(line, end="", flush=True)
                continue
            what = plan.get(int(line.split()[1]))
            if what == "killed":
                process.kill()
                break
            if what == "drops":
                drive.drop()
            elif what == "comes back":
                drive.come_back()
            process.stdin.write("go on\n")
            process.stdin.flush()


def report(drive: Drive) -> None:
    """Print the steps that the two folders hold, or the errno of one that does not answer."""
    for place, folder in (("drive", drive.run), ("spare", spare_folder(drive.run))):
        try:
            found = newest_in(folder)
            print(place, found["progress"]["step"] if found else "nothing", flush=True)
        except OSError as error:
            print(place, "errno", error.errno, flush=True)


def comes_back(drive: Drive) -> None:
    """Away from before step 5 to before step 9: checkpoints 6 and 8 cannot go there."""
    training(drive, {5: "drops", 9: "comes back"})
    report(drive)


def killed_while_away(drive: Drive) -> None:
    """Away from before step 5, killed before step 9, started while away, then with it back."""
    training(drive, {5: "drops", 9: "killed"})
    report(drive)
    training(drive, {})
    drive.come_back()
    report(drive)
    training(drive, {})
    report(drive)


def train_in_step(run: Path) -> None:
    """Train, saying each step before it is made, and waiting for a word."""
    from companion.transfer.checkpoint import load_checkpoint
    from tests.transfer.test_fit import small_net, state_hash, train

    warnings.showwarning = lambda message, *_: print("warned", message, flush=True)
    warnings.simplefilter("always")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `fit` says it again
            found = load_checkpoint(run)
    except OSError:
        found = None  # and this too
    first = found["progress"]["step"] if found else 0
    model, steps = small_net(), iter(range(first, 10_000))

    def wait(*_: object) -> None:
        print("step", next(steps), flush=True)
        sys.stdin.readline()

    model.register_forward_pre_hook(wait)
    try:
        train(model, save_every=2, checkpoint=run)
    except OSError as error:
        print("refused", error, flush=True)
    else:
        print("done", state_hash(model), flush=True)


def main(folder: Path, story: str) -> None:
    """Tell one story, and let nothing stay mounted."""
    if story == "train":
        train_in_step(folder)
        return
    drive = Drive(folder)
    try:
        {"comes back": comes_back, "killed": killed_while_away}[story](drive)
    finally:
        drive.drop()
        unmount(drive.at)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
