"""The command line: `companion doctor | assets | cache | lab | run | record | claims | ...`.

Only the parser is built at import; each command imports what it needs when it is called, so that
`companion --help` answers at once and `companion doctor` works where torch does not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import companion
from companion.cli.errors import explain
from companion.cli.own_commands import add_own_commands

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one `companion` command and return its exit status.

    0 is success, 1 a finding (a lesson, a check or a stage failed), 2 an error that is told in
    one line on stderr. `argv` defaults to the process's own arguments.

    Raises:
        SystemExit: from argparse, for --help, --version and arguments it does not know.
        Exception: whatever was not raised on purpose keeps its traceback.
    """
    arguments = _parser().parse_args(argv)
    try:
        return arguments.command(arguments)
    except KeyboardInterrupt:
        print("companion: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception as error:
        message = explain(error)
        if message is None:
            raise
        print(f"companion: {message}", file=sys.stderr)
        return EXIT_ERROR


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="companion", description="Transfer Learning, Measured.")
    parser.add_argument("--version", action="version", version=companion.__version__)
    add = parser.add_subparsers(title="commands", required=True, metavar="COMMAND").add_parser
    _add_machine_commands(add)
    _add_lesson_commands(add)
    add_own_commands(add)
    _add_evidence_commands(add)
    _add_classroom_commands(add)
    _add_house_commands(add)
    return parser


def _add_machine_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    doctor = add("doctor", help="what this machine has, and what does not fit")
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    doctor.set_defaults(command=_doctor)

    assets = add("assets", help="the pretrained weights and the data")
    what = {"install": "fetch what is missing", "list": "what is there", "verify": "check hashes"}
    text = "; ".join(f"{name}: {meaning}" for name, meaning in what.items())
    assets.add_argument("action", choices=list(what), help=text)
    assets.set_defaults(command=_assets)

    cache = add("cache", help="the folder of converted weights and stored activations")
    cache.add_argument("action", nargs="?", choices=["show", "clear"], default="show")
    cache.set_defaults(command=_cache)


def _add_lesson_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    lab = add("lab", help="open the first lesson, as your own copy, in JupyterLab")
    lab.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    lab.add_argument("--port", type=int, help="port of the server (default: JupyterLab's choice)")
    lab.set_defaults(command=_lab)

    run = add("run", help="run lessons from top to bottom, on copies")
    run.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="default: every lesson")
    run.add_argument("--write", action="store_true", help="keep the outputs in the notebook")
    run.set_defaults(command=_run)


def _add_evidence_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    record = add("record", help="run the trials of an experiment that are not recorded yet")
    record.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help="default: all")
    record.add_argument("--seeds", type=int, help="default: as the experiment has it")
    record.add_argument("--profile", choices=["cpu", "gpu"], default="cpu")
    text = "fill the result numbers of README, book and lessons from the trials"
    record.add_argument("--render", action="store_true", help=text + "; runs nothing by itself")
    record.set_defaults(command=_record)

    claims = add("claims", help="every claim with its effect, interval and verdict")
    claims.add_argument("--json", action="store_true", help="print a list of JSON objects")
    claims.add_argument("--profile", choices=["cpu", "gpu"], default="cpu")
    claims.set_defaults(command=_claims)


def _add_classroom_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    classroom = add("classroom", help="editions for a class, grades, a pack for a USB stick")
    inner = classroom.add_subparsers(title="commands", required=True, metavar="COMMAND").add_parser

    build = inner("build", help="write the learner's, the teacher's and nbgrader's editions")
    build.add_argument("lessons", nargs="*", metavar="LESSON", help="default: all")
    build.add_argument("--out", type=Path, required=True, metavar="DIR")
    build.add_argument("--graded", action="store_true", help="no hints, no solutions, points")
    build.add_argument("--variant", type=int, metavar="SEED", help="an own draw of the data")
    text = "only lessons whose data and weights are free for any use"
    build.add_argument("--permissive", action="store_true", help=text)
    build.set_defaults(command=_classroom_build)

    grade = inner("grade", help="grade a folder of submissions")
    grade.add_argument("submissions", type=Path, metavar="SUBMISSIONS")
    grade.add_argument("--out", type=Path, required=True, metavar="FILE", help="a CSV file")
    text = "limit for a cell that a learner wrote (default: 60)"
    grade.add_argument("--cell-seconds", type=int, metavar="N", help=text)
    text = "limit for a whole submission (default: 2400)"
    grade.add_argument("--seconds", type=int, metavar="N", help=text)
    grade.add_argument("--memory", type=float, metavar="GIB", help="limit (default: 6)")
    grade.set_defaults(command=_classroom_grade)

    pack = inner("pack", help="wheels, data, caches and lessons for machines without a network")
    pack.add_argument("lessons", nargs="*", metavar="LESSON", help="default: all")
    pack.add_argument("--out", type=Path, required=True, metavar="DIR")
    pack.set_defaults(command=_classroom_pack)

    rehearse = inner("rehearse", help="run a lesson for several learners at once on this machine")
    rehearse.add_argument("lesson", nargs="?", default="00_start_here", metavar="LESSON")
    rehearse.add_argument("--learners", type=int, default=8, metavar="N")
    rehearse.set_defaults(command=_classroom_rehearse)


def _add_house_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    course = add("course", help="check the machine, run every lesson, build the book")
    course.set_defaults(command=_course)

    test = add("test", help="everything that must pass")
    text = "after --: run only pytest, with these arguments"
    test.add_argument("pytest_arguments", nargs="*", metavar="ARGUMENT", help=text)
    test.set_defaults(command=_test)

    columns = add("matrix", help="the course with its oldest, newest and Colab's versions")
    text = "oldest, newest or colab (default: all)"
    columns.add_argument("columns", nargs="*", metavar="COLUMN", help=text)
    columns.set_defaults(command=_matrix)

    book = add("book", help="build the book from the notebooks")
    text = "first write this address into every file that names the course's"
    book.add_argument("--repository", metavar="OWNER/NAME", help=text)
    book.add_argument("--tag", metavar="TAG", help="the same for the tag that a class works with")
    book.set_defaults(command=_book)

    clean = add("clean", help="remove what was built, never your own lessons")
    clean.add_argument("--all", action="store_true", help="the environment in .venv as well")
    clean.set_defaults(command=_clean)


def _doctor(arguments: argparse.Namespace) -> int:
    from companion.cli.doctor import doctor

    return doctor(as_json=arguments.json)


def _assets(arguments: argparse.Namespace) -> int:
    from companion.cli.doctor import show_assets
    from companion.data.assets import install_assets

    if arguments.action == "install":
        install_assets()
    return show_assets(verify=arguments.action == "verify")


def _cache(arguments: argparse.Namespace) -> int:
    from companion.cli.doctor import cache_facts, describe_cache
    from companion.data.cache import clear_cache

    if arguments.action == "clear":
        print(f"freed {clear_cache() / 1e6:.1f} MB")
    print(describe_cache(cache_facts()))
    return 0


def _lab(arguments: argparse.Namespace) -> int:
    from companion.cli.house import course_root, lab

    return lab(course_root(), browser=not arguments.no_browser, port=arguments.port)


def _run(arguments: argparse.Namespace) -> int:
    from companion.cli.house import course_root, run

    return run(course_root(), arguments.notebooks, write=arguments.write)


def _record(arguments: argparse.Namespace) -> int:
    from companion.cli.evidence import record_all, render_all

    if arguments.experiments or not arguments.render:
        record_all(arguments.experiments, arguments.seeds, arguments.profile)
    return render_all() if arguments.render else 0


def _claims(arguments: argparse.Namespace) -> int:
    from companion.cli.evidence import show_claims

    return show_claims(as_json=arguments.json, profile=arguments.profile)


def _classroom_build(arguments: argparse.Namespace) -> int:
    from companion.cli.classroom import build
    from companion.cli.house import course_root

    return build(
        course_root(),
        arguments.out,
        arguments.lessons,
        graded=arguments.graded,
        variant=arguments.variant,
        permissive=arguments.permissive,
    )


def _classroom_grade(arguments: argparse.Namespace) -> int:
    from companion.cli.grades import grade
    from companion.cli.grading import Limits
    from companion.cli.house import course_root

    asked = {
        "cell_seconds": arguments.cell_seconds,
        "seconds": arguments.seconds,
        "gibibytes": arguments.memory,
    }
    limits = Limits(**{name: value for name, value in asked.items() if value is not None})
    return grade(course_root(), arguments.submissions, arguments.out, limits)


def _classroom_pack(arguments: argparse.Namespace) -> int:
    from companion.cli.house import course_root
    from companion.cli.pack import pack

    return pack(course_root(), arguments.out, arguments.lessons)


def _classroom_rehearse(arguments: argparse.Namespace) -> int:
    from companion.cli.house import course_root
    from companion.cli.rehearsal import rehearse

    return rehearse(course_root(), arguments.lesson, arguments.learners)


def _course(arguments: argparse.Namespace) -> int:
    from companion.cli.house import course, course_root

    return course(course_root())


def _test(arguments: argparse.Namespace) -> int:
    from companion.cli.house import course_root
    from companion.cli.stages import test

    return test(course_root(), arguments.pytest_arguments)


def _matrix(arguments: argparse.Namespace) -> int:
    from companion.cli.house import course_root
    from companion.cli.matrix import matrix

    return matrix(course_root(), arguments.columns)


def _book(arguments: argparse.Namespace) -> int:
    from companion.cli.house import course_root
    from companion.teaching.address import move
    from companion.teaching.book import build_book

    if arguments.repository is not None or arguments.tag is not None:
        for path in move(course_root(), arguments.repository, arguments.tag):
            print(f"changed: {path.relative_to(course_root())}")
    print(f"The book: {build_book(course_root())}")
    return 0


def _clean(arguments: argparse.Namespace) -> int:
    from companion.cli.house import clean, course_root

    return clean(course_root(), environment=arguments.all)
