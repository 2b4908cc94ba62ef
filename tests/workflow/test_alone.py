"""A rule's script that is started by hand, on the inputs of a run that Snakemake has made."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.workflow.command import contents

from longtail.runtime.fingerprint import ROOT

pytestmark = pytest.mark.slow
RUN = "results/runs/digits/if50/resnet32/mixup/seed0"
NEVER_MADE = "results/runs/digits/if50/resnet32/mixup/seed7"
NETWORK = f"{RUN}/mislas/last.pt"
COUNTS = "results/figures/class_counts/digits.svg"
# Drawn only on request, so that the run has none.
DIAGRAM = "results/figures/reliability/digits/if50/resnet32/mislas_seed0.svg"
CONFIG = ("--configfile", "mine.yaml")


def script(folder: Path, name: str, *arguments: str, debugger: str = "") -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a script of `workflow_scripts/`; `debugger` are lines typed into pdb."""
    command = [sys.executable, *(["-m", "pdb"] if debugger else []), ROOT / "workflow_scripts" / f"{name}.py"]
    done = subprocess.run(
        [*command, *arguments], cwd=folder, capture_output=True, text=True, input=debugger, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def made(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the finished run: the scripts write beside its results."""
    return shutil.copytree(finished, tmp_path_factory.mktemp("alone") / "work", symlinks=True)


def same(folder: Path, alone: str) -> set[str]:
    """Names of the files below `alone` that have the bytes of the run's."""
    written, theirs = contents(folder / alone), contents(folder)
    return {Path(path).name for path, digest in written.items() if theirs[path] == digest}


def test_a_training_writes_what_snakemake_made_into_a_folder_of_its_own(made: Path) -> None:
    before = contents(made / "results")

    code, printed, log = script(made, "train_stage2", NETWORK, *CONFIG)

    assert (code, printed) == (0, ""), log
    assert f"writes alone/{NETWORK}\n" in log
    assert "epoch 2/2" in log
    assert same(made, "alone") == {"last.pt", "best.pt", "logits.npz", "history.csv"}
    assert contents(made / "results") == before
    record, theirs = (
        json.loads((place / RUN / "mislas/provenance.json").read_text()) for place in (made / "alone", made)
    )
    assert {key for key in theirs if record[key] != theirs[key]} <= {"seconds", "images_per_second"}


def test_a_drawing_goes_where_it_should(made: Path) -> None:
    code, _, log = script(made, "draw", COUNTS, *CONFIG, "--to", "drawn")

    assert code == 0, log
    assert same(made, "drawn") == {"digits.svg", "digits.png"}


def test_a_debugger_stops_in_it(made: Path) -> None:
    line = (ROOT / "workflow_scripts/draw.py").read_text().split("drawing.draw")[0].count("\n") + 1

    _, printed, log = script(
        made, "draw", DIAGRAM, *CONFIG, debugger=f"b {line}\nc\np snakemake.wildcards.method\nq\n"
    )

    assert "(Pdb) 'mislas'" in printed, printed + log


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        (
            "train_stage2",
            (f"{NEVER_MADE}/mislas/last.pt", *CONFIG),
            f"error: {NEVER_MADE}/features.npz, {NEVER_MADE}/stage1/last.pt: missing; make it first: snakemake "
            f"--snakefile {ROOT}/Snakefile --cores all {NEVER_MADE}/features.npz {NEVER_MADE}/stage1/last.pt "
            "--configfile mine.yaml\n",
        ),
        (
            "train_stage1",
            (NETWORK, *CONFIG),
            f"error: {NETWORK} is not made by train_stage1.py but by train_stage2.py: start that one\n",
        ),
        (
            "train_stage1",
            ("all", *CONFIG),
            "error: no rule of this configuration makes all: correct the path, or name its --configfile\n",
        ),
        (
            "evaluate",
            (),
            "error: the following arguments are required: FILE: see workflow_scripts/evaluate.py --help\n",
        ),
    ],
)
def test_mistakes_are_one_sentence(made: Path, name: str, arguments: tuple[str, ...], sentence: str) -> None:
    assert script(made, name, *arguments) == (1, "", sentence)
