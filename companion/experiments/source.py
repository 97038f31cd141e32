"""The code hash of an experiment: it changes when what is run changes, and not with its words."""

from __future__ import annotations

import ast
import hashlib
import inspect
import io
import textwrap
import tokenize
from types import CodeType, FunctionType, ModuleType
from typing import Any

# Only code of these rooms counts: below them, equal results are what the tests are for.
COUNTED = ("companion.experiments", "companion.transfer.recipes")
MACHINERY = tuple(f"companion.experiments.{name}" for name in ("rows", "recorder", "source"))
VALUES = (int, float, str, tuple, dict)


def code_hash(module: ModuleType) -> str:
    """Return 12 hex digits that name what `module.specs` and `module.run` do.

    Followed are the functions, classes and constants that they use within `companion.experiments`
    and the recipes. Comments, docstrings and blank lines do not count.
    """
    found: dict[str, str] = {}
    for function in (module.specs, module.run):
        collect(function, found)
    text = "\n".join(f"{name}\n{source}" for name, source in sorted(found.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def collect(thing: Any, found: dict[str, str]) -> None:
    """Add the source of a function or class, and of what it uses, to `found`."""
    thing = inspect.unwrap(thing)
    name = f"{thing.__module__}.{thing.__qualname__}"
    if name in found or not counts(thing.__module__):
        return
    found[name] = plain_source(thing)
    members = vars(thing).values() if inspect.isclass(thing) else [thing]
    for function in filter(inspect.isfunction, members):
        follow(function, found)


def counts(module: str) -> bool:
    """Return whether the code of the module called `module` decides what a trial does."""
    return module.startswith(COUNTED) and not module.startswith(MACHINERY)


def follow(function: FunctionType, found: dict[str, str]) -> None:
    """Add what `function` names: in its own module, or as an attribute of an imported one."""
    names = names_in(function.__code__)
    scope = {name: function.__globals__[name] for name in names & set(function.__globals__)}
    for module in [v for v in scope.values() if inspect.ismodule(v)]:
        if counts(module.__name__):
            scope |= {f"{module.__name__}.{n}": getattr(module, n) for n in names & {*dir(module)}}
    for name, value in scope.items():
        if callable(value) and hasattr(value, "__qualname__"):
            collect(value, found)
        elif isinstance(value, VALUES):
            found[f"{function.__module__}: {name}"] = repr(value)


def names_in(code: CodeType) -> set[str]:
    """Return the global names and attributes that a function's code uses, inner ones included."""
    inner = [names_in(c) for c in code.co_consts if isinstance(c, CodeType)]
    return set(code.co_names).union(*inner)


def plain_source(thing: Any) -> str:
    """Return the source of a function or class without comments, docstrings and blank lines."""
    text = textwrap.dedent(inspect.getsource(thing))
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            doc = node.body[0]
            lines[doc.lineno - 1 : doc.end_lineno] = [""] * (doc.end_lineno - doc.lineno + 1)
    return "\n".join(line.rstrip() for line in lines if line.strip())
