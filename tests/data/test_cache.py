"""The cache under what really happens to it: crowds, kills, full disks, read-only shares."""

import errno
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from companion.data import cache

ROOT = Path(__file__).parents[2]
KEY = "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def moved_cache(tmp_path, monkeypatch):
    """Every test, and every process that it starts, has a cache of its own."""
    monkeypatch.setenv("COMPANION_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COMPANION_SHARED_CACHE", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path / "cache"


def writer(n_bytes):
    return lambda path: path.write_bytes(b"x" * n_bytes)


def wait_for(path):
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear in 30 s"
        time.sleep(0.01)


def start(script, *arguments):
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def in_small_disk(folder, megabytes, script):
    """Run a script with a real, small disk mounted at `folder`, seen by that process alone."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare (Linux) to mount a small disk without being root")
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("this system does not let users make namespaces, so no disk can be mounted")
    folder.mkdir(exist_ok=True)
    mount = f'mount -t tmpfs -o size={megabytes}m none "$0" && exec "$1" -c "$2"'
    command = ["unshare", "-rm", "sh", "-c", mount, str(folder), sys.executable, script]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


CROWD = """
import os, sys, time
from pathlib import Path
from companion.data.cache import build_once

log, go = Path(sys.argv[1]), Path(sys.argv[2])

def build(path):
    with open(log, "a") as file:
        file.write(f"{os.getpid()}\\n")
    path.mkdir()
    for part in "abc":
        time.sleep(0.1)
        (path / part).write_text(part * 1000)

log.with_name(f"ready-{os.getpid()}").touch()
while not go.exists():
    time.sleep(0.001)
entry = build_once("crowd", build, "0123456789abcdef")
print(entry, sorted((p.name, p.read_text().count(p.name)) for p in entry.iterdir()))
"""


def test_eight_processes_build_the_same_entry_once(tmp_path, moved_cache):
    log, go = tmp_path / "log", tmp_path / "go"
    crowd = [start(CROWD, log, go) for _ in range(8)]
    while len(list(tmp_path.glob("ready-*"))) < 8:
        assert all(one.poll() is None for one in crowd), crowd[0].communicate()
        time.sleep(0.01)
    go.touch()
    said = [one.communicate(timeout=60) for one in crowd]
    assert [one.returncode for one in crowd] == [0] * 8, said
    entry = moved_cache / cache.CACHE_NAME / "crowd-0123456789abcdef"
    assert {out for out, _ in said} == {f"{entry} [('a', 1000), ('b', 1000), ('c', 1000)]\n"}
    assert len(log.read_text().splitlines()) == 1


HANG = """
import sys, time
from pathlib import Path
from companion.data.cache import build_once

def build(path):
    path.write_bytes(b"half")
    Path(sys.argv[1]).touch()
    while not Path(sys.argv[2]).exists():
        time.sleep(0.01)
    path.write_bytes(b"whole")

build_once("hang", build, "0123456789abcdef")
"""


def hanging_builder(tmp_path):
    builder = start(HANG, tmp_path / "started", tmp_path / "finish")
    wait_for(tmp_path / "started")
    return builder


@pytest.mark.parametrize("next_name", ["hang", "another"])
def test_a_killed_builder_leaves_nothing_to_the_next(tmp_path, next_name):
    builder = hanging_builder(tmp_path)
    folder = cache.cache_folder()
    assert [p.name for p in folder.glob(".*.tmp")] == [".hang-0123456789abcdef.tmp"]
    builder.kill()
    builder.communicate()
    entry = cache.build_once(next_name, writer(5), KEY)
    assert entry.read_bytes() == b"xxxxx"
    assert {p.name for p in folder.iterdir()} == {".locks", entry.name}


def test_clearing_leaves_a_living_builder_its_work(tmp_path):
    builder = hanging_builder(tmp_path)
    old = cache.build_once("old", writer(100), KEY)
    assert cache.clear_cache() == 100
    assert not old.exists()
    (tmp_path / "finish").touch()
    assert builder.wait(30) == 0, builder.communicate()
    assert (old.parent / "hang-0123456789abcdef").read_bytes() == b"whole"


FULL = """
import re
from companion.data import cache

def too_big(path):
    path.mkdir()
    with open(path / "part", "wb") as file:
        while True:
            file.write(b"x" * 2**18)

def too_big_told_badly(path):
    try:
        too_big(path)
    except OSError:
        raise RuntimeError("writer failed") from None

earlier = cache.build_once("earlier", lambda path: path.write_bytes(b"e" * 2**20), "a" * 16)
for build in (too_big, too_big_told_badly):
    try:
        cache.build_once("big", build, "b" * 16)
    except cache.CacheFull as error:
        print(error.errno, error)
    assert [p.name for p in cache.cache_folder().iterdir() if p.suffix == ".tmp"] == []
    assert cache.build_once("earlier", None, "a" * 16).read_bytes() == b"e" * 2**20
print(cache.build_once("small", lambda path: path.write_bytes(b"s"), "c" * 16).read_bytes())
"""


def test_a_full_disk_is_explained_and_hurts_no_other_entry(moved_cache):
    done = in_small_disk(moved_cache, 4, FULL)
    assert done.returncode == 0, done.stderr
    where = re.escape(str(moved_cache / cache.CACHE_NAME))
    message = (
        r"28 the disk is full: big-b{16} needs more than the (\d\.\d) MB written so far, and "
        rf"(\d\.\d) MB are free in {where}, of which the cache holds 1\.0 MB\. Free some with "
        r"`companion cache clear`, or set COMPANION_CACHE to a folder on another disk"
    )
    first, second, small = done.stdout.splitlines()
    for line in (first, second):
        match = re.fullmatch(message, line)
        assert match, line
        assert [2.5 < float(number) < 3.3 for number in match.groups()] == [True, True]
    assert small == "b's'"


READ_ONLY = """
import os, subprocess
from companion.data import cache

entry = cache.build_once("there", lambda path: path.write_bytes(b"e"), "a" * 16)
subprocess.run(["mount", "-o", "remount,ro", os.environ["COMPANION_CACHE"]], check=True)
print(cache.build_once("there", None, "a" * 16).read_bytes(), cache.cache_size())
try:
    cache.build_once("absent", lambda path: path.write_bytes(b"e"), "a" * 16)
except PermissionError as error:
    print(error)
"""


def test_a_read_only_cache_serves_what_it_holds(moved_cache):
    done = in_small_disk(moved_cache, 1, READ_ONLY)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "b'e' 1",
        "expected to write absent-aaaaaaaaaaaaaaaa into the cache folder "
        f"{moved_cache / cache.CACHE_NAME}, found that it may not be written; "
        "set COMPANION_CACHE to a folder that may",
    ]


def test_the_cache_is_a_folder_of_our_own_inside_the_one_named(moved_cache):
    assert cache.cache_folder() == moved_cache / cache.CACHE_NAME
    assert cache.cache_folder().is_dir()


def test_clearing_stays_inside_the_cache(tmp_path, moved_cache):
    moved_cache.mkdir()
    neighbour, linked = moved_cache / "thesis.txt", tmp_path / "linked"
    neighbour.write_text("keep")
    linked.mkdir()
    (linked / "keep.txt").write_text("keep")

    def build(path):
        path.mkdir()
        (path / "data").write_bytes(b"x" * 100)
        (path / "link").symlink_to(linked)

    cache.build_once("folder", build, KEY)
    cache.build_once("file", writer(50), KEY)
    (cache.cache_folder() / "loose-link").symlink_to(linked)
    size = cache.cache_size()
    assert cache.clear_cache() == size == 150
    assert cache.cache_size() == 0
    assert (linked / "keep.txt").read_text() == neighbour.read_text() == "keep"


def test_beyond_the_limit_the_entry_unused_for_longest_goes(monkeypatch):
    monkeypatch.setattr(cache, "CACHE_LIMIT", 3500)
    old = {name: cache.build_once(name, writer(1000), KEY) for name in ("a", "b", "c")}
    for age, entry in zip((30, 20, 10), old.values(), strict=True):
        os.utime(entry, (time.time() - age, time.time() - age))
    cache.build_once("a", writer(0), KEY)  # used: now b is the oldest
    cache.build_once("d", writer(1000), KEY)
    assert [entry.exists() for entry in old.values()] == [True, False, True]
    large = cache.build_once("large", writer(9000), KEY)
    assert [p.name for p in cache.cache_folder().iterdir() if p.name != ".locks"] == [large.name]


def test_another_key_is_another_entry_and_the_same_key_is_not_built_again():
    first = cache.build_once("x", writer(1), KEY)
    assert cache.build_once("x", writer(2), KEY) == first
    assert first.read_bytes() == b"x"
    assert cache.build_once("x", writer(2), KEY[::-1]).read_bytes() == b"xx"


def test_a_builder_may_ask_for_another_entry():
    def build(path):
        path.write_bytes(b"outer of " + cache.build_once("inner", writer(2), KEY).read_bytes())

    assert cache.build_once("outer", build, KEY).read_bytes() == b"outer of xx"


def test_a_builder_that_fails_leaves_nothing_and_its_own_error():
    def build(path):
        path.write_text("half")
        raise ZeroDivisionError("of its own")

    with pytest.raises(ZeroDivisionError, match="of its own"):
        cache.build_once("x", build, KEY)
    assert cache.cache_size() == 0
    assert cache.build_once("x", writer(3), KEY).read_bytes() == b"xxx"


def contents(folder):
    """Return what is in a folder: names, sizes and times, those of folders too."""
    stats = {path: path.stat() for path in [folder, *folder.rglob("*")]}
    return {str(path): (s.st_mode, s.st_size, s.st_mtime_ns) for path, s in stats.items()}


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A cache that others have filled with an entry and a small file, read-only."""
    monkeypatch.setenv("COMPANION_CACHE", str(tmp_path / "theirs"))
    cache.build_once("filled", writer(7), KEY)
    (cache.cache_folder() / "small.json").write_text("theirs")
    (cache.cache_folder() / "formats.json").write_text("{}")
    folder = cache.cache_folder()
    shutil.rmtree(folder / ".locks")
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    monkeypatch.setenv("COMPANION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COMPANION_SHARED_CACHE", str(tmp_path / "theirs"))
    yield folder
    folder.chmod(0o755)


def refuse(path):
    raise AssertionError(f"expected no building, found {path} asked for")


def test_an_entry_of_the_shared_cache_is_used_and_not_built(shared, moved_cache):
    assert cache.shared_cache() == shared
    assert cache.build_once("filled", refuse, KEY) == shared / "filled-0123456789abcdef"
    assert not moved_cache.exists()


def test_what_the_shared_cache_lacks_is_built_in_ours(shared):
    before = contents(shared)
    entry = cache.build_once("filled", writer(3), KEY[::-1])
    assert entry.parent == cache.cache_folder() != shared
    assert entry.read_bytes() == b"xxx"
    assert cache.build_once("filled", refuse, KEY[::-1]) == entry
    assert contents(shared) == before


def test_nothing_is_written_to_the_shared_cache(shared, monkeypatch):
    before = contents(shared)  # permissions do not bind root, so what is there is compared
    monkeypatch.setattr(cache, "CACHE_LIMIT", 1)
    cache.build_once("filled", refuse, KEY)
    cache.build_once("missing", writer(30), KEY)
    cache.build_once("other", writer(30), KEY)
    cache.cached_file("small.json").read_text()
    small = (shared / "small.json").stat().st_size  # ours begins as a copy of it
    assert cache.cache_size() == 30 + small, "ours alone is counted and trimmed"
    assert cache.clear_cache() == 30 + small
    assert contents(shared) == before


def test_a_shared_cache_serves_another_process(shared):
    code = (
        "from companion.data.cache import build_once\n"
        f"print(build_once('filled', None, {KEY!r}).read_bytes())"
    )
    assert start(code).communicate(timeout=60) == ("b'xxxxxxx'\n", "")


@pytest.mark.parametrize("named", ["", "nowhere", "empty"])
def test_a_shared_cache_that_is_not_there_counts_as_none(tmp_path, monkeypatch, named):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("COMPANION_SHARED_CACHE", str(tmp_path / named) if named else "")
    assert cache.shared_cache() is None
    assert cache.build_once("x", writer(2), KEY).parent == cache.cache_folder()
    assert cache.cached_file("small.json") == cache.cache_folder() / "small.json"
    assert not (tmp_path / "nowhere").exists()
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_small_file_is_read_from_ours_first(shared):
    own = cache.cache_folder() / "small.json"
    assert cache.cached_file("small.json") == own
    assert own.read_text() == (shared / "small.json").read_text(), "ours begins as the shared one"
    own.write_text("ours")
    assert cache.cached_file("small.json").read_text() == "ours"
    assert cache.cached_file("absent.json") == cache.cache_folder() / "absent.json"


def test_a_number_format_that_the_shared_cache_lacks_is_kept_in_ours(shared, monkeypatch):
    import torch

    from companion import device
    from companion.models.vision import choose_format

    choice = {"channels_last": True, "dtype": "float32"}
    monkeypatch.setattr(device, "_timed_choice", lambda *_: choice)
    before = contents(shared)
    choose_format(torch.nn.Identity(), torch.zeros(1, 1, 4, 4), "a network", None)
    assert contents(shared) == before
    assert (cache.cache_folder() / "formats.json").is_file()


def test_a_number_format_is_found_where_our_cache_may_only_be_read(shared, monkeypatch):
    import torch

    from companion import device
    from companion.models.vision import choose_format

    def read_only(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    choice = {"channels_last": True, "dtype": "float32"}
    monkeypatch.setattr(device, "_timed_choice", lambda *_: choice)
    monkeypatch.setattr(device, "_write_json", read_only)
    monkeypatch.setattr(cache.shutil, "copyfile", read_only)
    kept = choose_format(torch.nn.Identity(), torch.zeros(1, 1, 4, 4), "a network", None)
    assert kept.channels_last


def test_a_number_format_is_never_kept_in_the_shared_cache(shared, monkeypatch):
    """Ours is full, and the shared one lies on a disk that may be written (here: by root)."""
    import torch

    from companion import device
    from companion.models.vision import choose_format

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    choice = {"channels_last": True, "dtype": "float32"}
    monkeypatch.setattr(device, "_timed_choice", lambda *_: choice)
    monkeypatch.setattr(cache.shutil, "copyfile", full)
    shared.chmod(0o755)
    (shared / "formats.json").chmod(0o644)
    before = contents(shared)
    choose_format(torch.nn.Identity(), torch.zeros(1, 1, 4, 4), "a network", None)
    assert contents(shared) == before


def test_a_copy_that_stopped_half_way_is_cleared(shared, monkeypatch):
    def half(source, target):
        target.write_text("hal")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache.shutil, "copyfile", half)
    assert cache.cached_file("small.json") == shared / "small.json"
    cache.clear_cache()
    assert [path.name for path in cache.cache_folder().iterdir() if path.name != ".locks"] == []


def test_a_name_that_may_not_be_is_refused_before_the_shared_cache_is_asked(shared):
    with pytest.raises(ValueError, match=r"found '\.\./x'"):
        cache.build_once("../x", writer(1), KEY)


MESSAGES = [
    (
        ("x", lambda path: None, KEY),
        FileNotFoundError,
        "expected the builder of x-0123456789abcdef to create the path it was given, "
        "found nothing there; write to exactly that path",
    ),
    (
        ("../x", writer(1), KEY),
        ValueError,
        "expected a cache name of letters, digits, '_', '.', '-', found '../x'",
    ),
    (
        ("x", writer(1), "../../.."),
        ValueError,
        "expected a key of at least 8 letters or digits (a hash), found '../../..'",
    ),
]


@pytest.mark.parametrize(("call", "kind", "message"), MESSAGES)
def test_misuse_is_explained(call, kind, message):
    with pytest.raises(kind) as caught:
        cache.build_once(*call)
    assert str(caught.value) == message


def test_neither_module_imports_torch():
    script = (
        "import sys, companion.data.cache, companion.data.assets; print('torch' in sys.modules)"
    )
    done = start(script).communicate(timeout=60)
    assert done == ("False\n", "")
