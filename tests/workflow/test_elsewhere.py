"""The workflow away from its checkout: as a module, from git, in a storage, in an empty folder."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.workflow.command import checkout, contents, jobs, smallest, snakemake

from longtail.config import layers
from longtail.runtime import parts
from longtail.runtime.fingerprint import ROOT
from longtail.stage1 import imported

HERE, RULES = Path(__file__).parent, ROOT / "rules"
# What holds numbers, and neither times nor the commit.
SAME = ("metrics.json", "choice.json", "subset.json", "features.npz", "logits.npz", "projection.npz", ".csv")
# These hold times, too.
TIMED = ("history.csv", "ranked.csv")
MODULE = """
module longtail:
    snakefile: {snakefile}
    config: config["signs"]
    prefix: "signs"

use rule * from longtail as signs_*

use rule signs_all from longtail as signs_all with:
    default_target: True
"""
NO_SHARED_FILES = ("--shared-fs-usage", "persistence", "software-deployment", "sources", "source-cache")


# Rules that none of this reaches: downloads, and what only a common file system has.
LEFT_OUT = {"download", "download_weights", "pack", "packed", "publish"}
# The figure that is drawn on request only.
REQUESTED = "results/figures/reliability/digits/if50/resnet32/mislas_seed0.svg"
RANKED = {
    "title": "Which one?",
    "columns": [{"dataset": "digits", "factor": 50, "backbone": "resnet32"}],
    "rows": [{"method": "ce"}, {"method": "mislas"}],
}


def everything(folder: Path) -> dict[str, object]:
    """A configuration with every rule but those in `LEFT_OUT`, at the smallest size, with absolute paths."""
    (folder / "ranked.yaml").write_text(yaml.safe_dump(RANKED))
    ladc, claims, tiny = (layers.read([HERE / f"{name}.yaml"]) for name in ("tiny_ladc", "tiny_claims", "tiny"))
    tables = [*ladc["tables"], *claims["tables"], *tiny["tables"], str(folder / "ranked.yaml")]
    figures, recipes = [*ladc["figures"], *tiny["figures"]], ladc["recipes"] | tiny["recipes"]
    return ladc | {"tables": tables, "figures": figures, "recipes": recipes}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a plain run."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "mine.yaml").write_text(yaml.safe_dump(everything(folder)))
    code, output = snakemake(folder, "all", REQUESTED, "--configfile", "mine.yaml")
    assert code == 0, output
    # Whoever adds a rule has it run in all three ways.
    rules = {name for path in RULES.glob("*.smk") for name in re.findall(r"^ *rule (\w+):", path.read_text(), re.M)}
    assert rules - jobs(output).keys() == LEFT_OUT | {"import_stage1"}
    assert {f"draw_{kind}" for kind in parts.names("report.figures")} <= jobs(output).keys()
    return folder / "results"


def numbers(results: Path) -> dict[str, str]:
    """Hashes of what must be the same bytes wherever it is made."""
    found = contents(results)
    return {name: digest for name, digest in found.items() if name.endswith(SAME) and not name.endswith(TIMED)}


def as_module(folder: Path, snakefile: str, **config: object) -> Path:
    (folder / "Snakefile").write_text(MODULE.format(snakefile=snakefile))
    (folder / "own.yaml").write_text(yaml.safe_dump({"signs": everything(folder) | config}))
    return folder


@pytest.mark.slow
def test_a_module_with_a_prefix_from_git_makes_the_same_bytes(tmp_path: Path, plain: Path) -> None:
    repository = checkout(tmp_path / "repository")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "All of it"]):
        who = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
        subprocess.run(["git", *who, *command], cwd=repository, check=True)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    as_module(theirs, f'gitfile("{repository}", path="Snakefile", ref="HEAD")')

    code, output = snakemake(theirs, "--configfile", "own.yaml", project=theirs)

    assert code == 0, output
    assert numbers(theirs / "signs/results") == numbers(plain)
    assert not (theirs / "results").exists()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("rsync"), reason="Snakemake's storage in a folder needs rsync")
def test_a_storage_gets_the_same_bytes(tmp_path: Path, plain: Path) -> None:
    trained = plain / "runs/digits/if50/resnet32/ce/seed0/stage1"
    imports = {"digits/if50/resnet32/ce/seed0": {"source": str(trained), "sha256": imported.digest(trained)}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(everything(tmp_path) | {"stage1": imports}))
    store = tmp_path / "store"
    store.mkdir()
    storage = ("--default-storage-provider", "fs", "--default-storage-prefix", str(store), *NO_SHARED_FILES)

    code, output = snakemake(tmp_path, "all", REQUESTED, "--configfile", "mine.yaml", *storage)

    assert code == 0, output
    assert jobs(output)["import_stage1"] == 1
    assert numbers(store / "results") == numbers(plain)
    assert not (tmp_path / "results").exists()


def test_a_module_from_a_path_plans_the_same_jobs(tmp_path: Path) -> None:
    code, output = snakemake(smallest(tmp_path / "plain"), "-n", "--configfile", "mine.yaml")
    assert code == 0, output
    alone = jobs(output)
    theirs = as_module(tmp_path, f'"{ROOT / "Snakefile"}"')
    mine = yaml.safe_load((tmp_path / "plain/mine.yaml").read_text())
    (theirs / "own.yaml").write_text(yaml.safe_dump({"signs": mine}))

    code, output = snakemake(theirs, "-n", "--configfile", "own.yaml", project=theirs)

    assert code == 0, output
    assert jobs(output) == {f"signs_{rule}": count for rule, count in alone.items()}


def test_a_mistake_in_the_config_of_a_module_is_named_so(tmp_path: Path) -> None:
    theirs = as_module(tmp_path, f'"{ROOT / "Snakefile"}"', evaluation={"bins": 0})

    code, output = snakemake(theirs, "-n", "--configfile", "own.yaml", project=theirs)

    assert code == 1
    assert "the config of the module: key 'evaluation.bins'" in output


def test_rules_of_the_other_workflow_have_the_threads_that_it_gives_them(tmp_path: Path) -> None:
    theirs = as_module(tmp_path, f'"{ROOT / "Snakefile"}"')
    with (theirs / "Snakefile").open("a") as snakefile:
        snakefile.write('rule mine:\n    output: "mine.txt"\n    shell: "touch {output}"\n')

    code, output = snakemake(
        theirs, "-n", "mine.txt", "--set-threads", "mine=2", "--configfile", "own.yaml", project=theirs
    )

    assert code == 0, output


def test_from_an_empty_folder_the_default_is_planned(tmp_path: Path) -> None:
    code, output = snakemake(tmp_path, "-n", "results/tables/ladc_datasets.md")

    assert code == 0, output
    assert jobs(output)["make_statistics"] == 1


def test_a_folder_has_a_config_of_its_own(tmp_path: Path) -> None:
    folder = smallest(tmp_path / "mine")
    (folder / "config").mkdir()
    (folder / "mine.yaml").rename(folder / "config/config.yaml")

    code, output = snakemake(folder, "-n")

    assert code == 0, output
    assert jobs(output)["train_stage1"] == 2
