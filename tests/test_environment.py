"""environment.yml, checked offline: its syntax, and that it says what pyproject.toml says.

That the packages exist under these names on conda-forge only a real solve can show.
"""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from rattler import MatchSpec

NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
KEYS = {"name", "channels", "dependencies"}


@pytest.fixture(scope="module")
def environment(root):
    return yaml.safe_load((root / "environment.yml").read_text("utf-8"))


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture(scope="module")
def conda(environment):
    """The conda lines: {name as pip has it: version range}."""
    lines = [line for line in environment["dependencies"] if isinstance(line, str)]
    specs = [MatchSpec(line) for line in lines]
    names = [spec.name.normalized for spec in specs]
    assert len(set(names)) == len(names), "a package is named twice"
    return {
        NAMES.get(name, name): "" if spec.version is None else str(spec.version)
        for name, spec in zip(names, specs, strict=True)
    }


@pytest.fixture(scope="module")
def wanted(project):
    """What conda should bring: the package's own needs and the extras `lab` and `hub`."""
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["lab"], *extras["hub"]]
    return {one.name: one.specifier for one in map(Requirement, lines)}


def test_only_known_keys_and_no_path_of_a_machine(environment):
    assert set(environment) == KEYS
    assert environment["channels"] == ["conda-forge", "nodefaults"]


def test_python_is_spelled_as_binder_reads_it(environment, conda, project):
    assert "python=3.12" in environment["dependencies"]
    assert conda["python"] == "3.12.*"
    assert SpecifierSet(project["requires-python"]).contains("3.12")


def test_nothing_is_left_for_pip_to_fetch_beside_conda(conda, wanted):
    assert set(conda) - {"python", "pip"} == set(wanted)


def test_ranges_are_those_of_pyproject(conda, wanted):
    ranges = {name: SpecifierSet(conda[name]) for name in wanted}
    assert ranges == wanted


def test_pip_installs_the_checkout_and_only_that(root, environment, conda):
    blocks = [line for line in environment["dependencies"] if isinstance(line, dict)]
    assert blocks == [{"pip": ["-e ."]}]
    assert "pip" in conda
    assert (root / "pyproject.toml").is_file()


def test_postbuild_installs_the_assets(root):
    script = root / "postBuild"
    assert script.stat().st_mode & 0o111, "expected an executable postBuild"
    assert "companion assets install" in script.read_text("utf-8").splitlines()


def test_what_the_package_imports_is_declared(root, project):
    """Nothing works only because something else happens to bring it along."""
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    declared = {normal(Requirement(line).name) for group in groups for line in group}
    origin = packages_distributions()
    used = set().union(*(imported(path) for path in (root / "companion").rglob("*.py")))
    foreign = used - set(sys.stdlib_module_names) - {"companion", "google"}  # google: Colab's own
    lacking = [name for name in foreign if not declared & set(map(normal, origin.get(name, [])))]
    assert lacking == []


def imported(path):
    """Return the top-level names that a module imports anywhere."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    origins = {n.module for n in nodes if isinstance(n, ast.ImportFrom) and not n.level}
    return {name.split(".")[0] for name in plain | origins}


def test_the_tested_set_is_pinned_and_in_range(root, project):
    """Every need of the project, extras included, has one exact pin within its range."""
    pins = constraints(root / ".ci" / "constraints-tested.txt")
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    needs = [Requirement(line) for group in groups for line in group]
    unfit = [str(need) for need in needs if not fits(need, pins)]
    assert unfit == []


def test_the_ranges_leave_what_colab_ships_alone(root, project):
    pins = constraints(root / ".ci" / "constraints-colab.txt")
    needs = [Requirement(line) for line in project["dependencies"]]
    unfit = [str(need) for need in needs if need.name in pins and not fits(need, pins)]
    assert unfit == []
    assert {"torch", "torchvision", "timm", "transformers", "ipywidgets", "numpy"} <= set(pins)


def constraints(path):
    """Return {name: version} of a constraints file that holds nothing but exact pins."""
    lines = [line.split("#")[0].strip() for line in path.read_text("utf-8").splitlines()]
    pins = [Requirement(line) for line in lines if line]
    assert all(str(pin.specifier).startswith("==") and pin.url is None for pin in pins)
    return {normal(pin.name): str(pin.specifier)[2:] for pin in pins}


def fits(need, pins):
    version = pins.get(normal(need.name))
    return version is not None and need.specifier.contains(version)


def normal(name):
    return name.lower().replace("_", "-")
