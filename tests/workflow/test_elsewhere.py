"""The workflow away from its checkout: as a module, from git, in a storage, in an empty folder."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.workflow.command import checkout, contents, jobs, smallest, snakemake

from longtail.config import layers
from longtail.runtime.fingerprint import ROOT

HERE = Path(__file__).parent
# What holds numbers, and neither times nor the commit.
SAME = ("metrics.json", "choice.json", "subset.json", "features.npz", "logits.npz", "projection.npz", ".csv")
TIMED = "history.csv"
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


def everything() -> dict[str, object]:
    """A configuration with every rule that needs no download, at the smallest size, with absolute paths."""
    ladc = layers.read([HERE / "tiny_ladc.yaml"])
    more = layers.read([HERE / "tiny_claims.yaml"]), layers.read([HERE / "tiny.yaml"])
    for key in ("tables", "figures"):
        ladc[key] = [*ladc[key], *more[0][key], *more[1][key]]
    ladc["recipes"] = ladc["recipes"] | more[1]["recipes"]
    return ladc


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Hashes of all results of a plain run."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "mine.yaml").write_text(yaml.safe_dump(everything()))
    code, output = snakemake(folder, "--configfile", "mine.yaml")
    assert code == 0, output
    return numbers(folder / "results")


def numbers(results: Path) -> dict[str, str]:
    """Hashes of what must be the same bytes wherever it is made."""
    found = contents(results)
    return {name: digest for name, digest in found.items() if name.endswith(SAME) and TIMED not in name}


def as_module(folder: Path, snakefile: str, **config: object) -> Path:
    (folder / "Snakefile").write_text(MODULE.format(snakefile=snakefile))
    (folder / "own.yaml").write_text(yaml.safe_dump({"signs": everything() | config}))
    return folder


@pytest.mark.slow
def test_a_module_with_a_prefix_from_git_makes_the_same_bytes(tmp_path: Path, plain: dict[str, str]) -> None:
    repository = checkout(tmp_path / "repository")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "All of it"]):
        who = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
        subprocess.run(["git", *who, *command], cwd=repository, check=True)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    as_module(theirs, f'gitfile("{repository}", path="Snakefile", ref="HEAD")')

    code, output = snakemake(theirs, "--configfile", "own.yaml", project=theirs)

    assert code == 0, output
    assert numbers(theirs / "signs/results") == plain
    assert not (theirs / "results").exists()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("rsync"), reason="Snakemake's storage in a folder needs rsync")
def test_a_storage_gets_the_same_bytes(tmp_path: Path, plain: dict[str, str]) -> None:
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(everything()))
    store = tmp_path / "store"
    store.mkdir()
    storage = ("--default-storage-provider", "fs", "--default-storage-prefix", str(store), *NO_SHARED_FILES)

    code, output = snakemake(tmp_path, "--configfile", "mine.yaml", *storage)

    assert code == 0, output
    assert numbers(store / "results") == plain
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
