"""Whatever a rule's script imports of others is in the rule's conda environment, or a job may take it from elsewhere.

Under --use-conda a package missing from the environment is silently found in the one that Snakemake runs in.
"""

from importlib.metadata import packages_distributions

import pytest
import yaml
from tests.envs.rules import SCRIPTS, code, imported

from longtail.runtime.fingerprint import ROOT

PACKAGES = packages_distributions()
TRAIN, REPORT = "envs/train.yaml", "envs/report.yaml"


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
    assert {script for script, _ in SCRIPTS} == {path.stem for path in (ROOT / "workflow_scripts").glob("[!_]*.py")}
    assert {environment for _, environment in SCRIPTS} == {TRAIN, REPORT}


def test_what_is_reached() -> None:
    training = code("train_stage1")
    package = ROOT / "lib" / "longtail"

    assert {package / "stage1/train.py", package / "losses/ldam.py", package / "models/resnet32.py"} <= training
    assert imported(training) >= {"torch", "torchvision", "numpy", "PIL"}
    assert imported(code("build_arrays")) >= {"sklearn", "PIL"}  # in its parts
    assert imported(code("make_table")) >= {"pandas"}


def test_missing_packages_of_an_environment_are_found() -> None:
    assert "torch" in missing("train_stage1", REPORT)
    assert "sklearn" in missing("build_arrays", REPORT)  # of a part found by name
    assert missing("make_table", TRAIN) == {"pandas"}
    assert missing("draw", TRAIN) >= {"matplotlib"}
