"""Whatever a rule's script imports of others is in the rule's conda environment, or a job may take it from elsewhere.

Under --use-conda a package missing from the environment is silently found in the one that Snakemake runs in.
"""

import ast
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from tests.envs.rules import SCRIPTS

from longtail.runtime import parts
from longtail.runtime.fingerprint import ROOT, reached

PACKAGES = packages_distributions()
TRAIN, REPORT = "envs/train.yaml", "envs/report.yaml"


def trees(sources: set[Path]) -> list[ast.AST]:
    return [node for source in sorted(sources) for node in ast.walk(ast.parse(source.read_text()))]


def kinds(sources: set[Path]) -> set[str]:
    """The packages of which a part is found by name: `losses` of `parts.find("losses", name)`."""
    calls = [
        node
        for node in trees(sources)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (node.func.attr, ast.unparse(node.func.value)) == ("find", "parts")
    ]
    return {str(ast.literal_eval(call.args[0])) for call in calls}


def code(script: str) -> set[Path]:
    """All files that a script may reach, with every part of every kind that it finds by name."""
    found, named = set[Path](), set[str]()
    while found != (found := reached(script, *named)):
        named |= {f"{kind}.{name}" for kind in kinds(found) for name in parts.names(kind)}
    return found


def imported(sources: set[Path]) -> set[str]:
    """Top-level names of all that files import, but for the standard library and ourselves."""
    names = {alias.name for node in trees(sources) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in trees(sources) if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"longtail"}


def held(environment: str) -> set[str]:
    """The packages that an environment installs."""
    *_, with_pip = yaml.safe_load((ROOT / environment).read_text())["dependencies"]
    return {line.split("==")[0] for line in with_pip["pip"]}


def missing(script: str, environment: str) -> set[str]:
    """What a script imports and an environment lacks."""
    inside = held(environment)
    return {name for name in imported(code(script)) if not {p.lower() for p in PACKAGES.get(name, [name])} & inside}


@pytest.mark.parametrize(("script", "environment"), SCRIPTS)
def test_the_environment_of_a_rule_holds_what_its_script_imports(script: str, environment: str) -> None:
    assert missing(script, environment) == set()


def test_every_script_belongs_to_a_rule_with_an_environment() -> None:
    assert {script for script, _ in SCRIPTS} == {path.stem for path in (ROOT / "workflow_scripts").glob("*.py")}
    assert {environment for _, environment in SCRIPTS} == {TRAIN, REPORT}


def test_what_is_reached() -> None:
    training = code("train_stage1")
    package = ROOT / "lib" / "longtail"

    assert {package / "stage1/train.py", package / "losses/ldam.py", package / "models/resnet32.py"} <= training
    assert imported(training) >= {"torch", "torchvision", "numpy", "PIL"}
    assert imported(code("build_arrays")) >= {"sklearn", "PIL"}  # in its parts
    assert imported(code("make_table")) >= {"pandas"}


def test_what_an_environment_lacks_is_found() -> None:
    assert "torch" in missing("train_stage1", REPORT)
    assert "sklearn" in missing("build_arrays", REPORT)  # of a part found by name
    assert missing("make_table", TRAIN) == {"pandas"}
    assert missing("draw_reliability", TRAIN) >= {"matplotlib"}
