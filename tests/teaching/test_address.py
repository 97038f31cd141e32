"""One setting for repository and tag: every file follows it, and nothing else in a file changes."""

import os
import re
import shutil
import stat
import subprocess
import sys

import pytest

from companion.teaching.address import Address, move, named_in, read_address, renamed

OLD = Address("ada/old.course", "v1.2")
NEW = Address("grace/new-course", "autumn-2026")


@pytest.fixture
def copy(root, tmp_path):
    """The real files that name the address, and what stands beside them."""
    for source in named_in(root):
        target = tmp_path / source.relative_to(root)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(source, target)
    return tmp_path


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_nothing_names_the_old_address_and_back_gives_the_same_bytes(copy):
    before, old = contents(copy), read_address(copy)
    new = Address("grace-hopper/and.or", "autumn-2026")
    changed = move(copy, new.repository, new.tag)
    assert read_address(copy) == new
    assert {path.name for path in changed} >= {"book.toml", "00_start_here.ipynb"}
    notebooks = {path for path in before if path.suffix == ".ipynb"}
    assert len(notebooks) >= 15 and notebooks <= set(changed)
    for path, text in contents(copy).items():
        assert old.repository.encode() not in text, path
        assert not re.search(rb"(?:@|/blob/)" + re.escape(old.tag).encode(), text), path
        if path in notebooks:
            setup = f'git+https://github.com/{new.repository}@{new.tag}\\"'
            assert text.count(setup.encode()) == 1, path
    assert move(copy, old.repository, old.tag) == changed
    assert contents(copy) == before


@pytest.mark.parametrize(("given", "kept"), [("repository", "tag"), ("tag", "repository")])
def test_either_alone_leaves_the_other(copy, given, kept):
    old = read_address(copy)
    move(copy, **{given: getattr(NEW, given)})
    now = read_address(copy)
    assert getattr(now, given) == getattr(NEW, given)
    assert getattr(now, kept) == getattr(old, kept)
    lesson = (copy / "notebooks" / "00_start_here.ipynb").read_text("utf-8")
    assert f"git+https://github.com/{now.repository}@{now.tag}" in lesson
    assert f"/github/{now.repository}/blob/{now.tag}/notebooks/00_start_here.ipynb" in lesson


def test_the_address_that_stands_already_changes_no_file(copy):
    old, times = read_address(copy), {p: p.stat().st_mtime_ns for p in contents(copy)}
    assert move(copy, old.repository, old.tag) == []
    assert {p: p.stat().st_mtime_ns for p in contents(copy)} == times


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("https://github.com/ada/old.course", "https://github.com/grace/new-course"),
        ("github.com/ada/old.course.git@v1.2#x", "github.com/grace/new-course.git@autumn-2026#x"),
        ("x/github/ada/old.course/blob/v1.2/n", "x/github/grace/new-course/blob/autumn-2026/n"),
        ("at github.com/ada/old.course@v1.2.", "at github.com/grace/new-course@autumn-2026."),
        # another tag or branch of ours is not the one that a class works with
        ("github.com/ada/old.course@v1.2.1", "github.com/grace/new-course@v1.2.1"),
        ("github.com/ada/old.course/tree/main", "github.com/grace/new-course/tree/main"),
        # neither ours nor an address
        ("github.com/ada/old.courses@v1.2", None),
        ("github.com/ada/old.course-2@v1.2", None),
        ("github.com/ada/oldXcourse@v1.2", None),
        ("the package old.course v1.2, and ada/old.course", None),
    ],
)
def test_only_addresses_change(text, becomes):
    assert renamed(text.encode(), OLD, NEW).decode() == (text if becomes is None else becomes)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("repository", "course", "expected a repository as owner/name, found 'course'"),
        ("repository", "https://github.com/a/b", "expected a repository as owner/name, found"),
        ("repository", "a/b c", "expected a repository as owner/name, found 'a/b c'"),
        ("repository", "a/b.git", "give the last two words of its address on GitHub"),
        ("repository", "a/..", "expected a repository as owner/name, found 'a/..'"),
        ("repository", "", "expected a repository as owner/name, found ''"),
        ("tag", "", "expected a tag of letters, digits, dots, hyphens and underscores, found ''"),
        ("tag", "autumn 2026", "and underscores, found 'autumn 2026'; give one that the"),
        ("tag", "term/1", "and underscores, found 'term/1'; give one that the repository has"),
        ("tag", "v1..2", "found 'v1..2'"),
        ("tag", "-x", "found '-x'"),
        ("tag", 'v1"', "found"),
        ("tag", "v1\n", "found 'v1\\n'"),
    ],
)
def test_what_cannot_be_an_address_is_refused_in_words(copy, option, value, said):
    before = contents(copy)
    with pytest.raises(ValueError) as refused:
        move(copy, **{option: value})
    assert said in str(refused.value)
    assert contents(copy) == before


def test_book_toml_without_a_setting_is_refused(copy):
    (copy / "book.toml").write_text('[book]\ntitle = "x"\n', "utf-8")
    with pytest.raises(ValueError, match="expected a repository as owner/name, found ''"):
        move(copy, tag="v2")


def test_comments_and_other_settings_of_book_toml_stay(copy):
    path = copy / "book.toml"
    path.write_bytes(
        b'[output.html]\r\nrepository = "ada/old.course"\r\ntag = "v1.2"\r\n\r\n'
        b"[preprocessor.companion]\r\n"
        b'before = ["links"] # tag = "v1.2"\r\nrepository  =  "ada/old.course" # ours\r\n'
        b'tag = "v1.2"\r\n[a]\r\ntag = "v1.2"\r\n'
    )
    wanted = path.read_bytes().replace(b'=  "ada/old.course"', b'=  "grace/new-course"')
    wanted = wanted.replace(b'tag = "v1.2"\r\n[a]', b'tag = "autumn-2026"\r\n[a]')
    move(copy, NEW.repository, NEW.tag)
    assert path.read_bytes() == wanted


def test_a_failure_midway_leaves_every_file_as_it_was(copy, monkeypatch):
    before, replace, done = contents(copy), os.replace, []

    def fails_at_the_ninth(source, target):
        if len(done) == 8:
            raise OSError(5, "Input/output error", str(target))
        done.append(target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", fails_at_the_ninth)
    with pytest.raises(OSError, match="Input/output error"):
        move(copy, NEW.repository, NEW.tag)
    assert len(done) == 8
    assert contents(copy) == before


def test_a_folder_that_takes_no_new_file_leaves_every_file_as_it_was(copy):
    before = contents(copy)
    (copy / "notebooks" / ".refreshers.ipynb.new").mkdir()  # in the way of the last but few
    with pytest.raises(OSError):
        move(copy, NEW.repository, NEW.tag)
    assert contents(copy) == before


def test_files_keep_their_permissions(copy):
    path = copy / "notebooks" / "00_start_here.ipynb"
    path.chmod(0o640)
    move(copy, tag="v9")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_the_command_refuses_before_it_builds(copy):
    command = [sys.executable, "-m", "companion", "book", "--tag", "term 1"]
    around = {**os.environ, "PYTHONPATH": os.getcwd()}
    ran = subprocess.run(command, cwd=copy, env=around, capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stderr.startswith("companion: expected a tag of letters, digits, dots, hyphens")
    assert not (copy / "_book").exists()


def test_the_command_rewrites_and_then_builds_the_book(root, copy):
    """From a copy of the whole course: the pages of the book point to the new address."""
    old = read_address(root)
    shutil.copytree(root / "companion", copy / "companion")
    command = [sys.executable, "-m", "companion", "book", "--repository", NEW.repository]
    around = {**os.environ, "PYTHONPATH": str(copy)}
    ran = subprocess.run(command, cwd=copy, env=around, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "changed: notebooks/00_start_here.ipynb" in ran.stdout.replace(os.sep, "/")
    page = (copy / "_book" / "00_start_here.html").read_text("utf-8")
    assert f"https://colab.research.google.com/github/{NEW.repository}/blob/" in page
    assert old.repository not in page
