import json
from pathlib import Path

import pytest
import yaml
from tests import elsewhere

from longtail.config.graph import Graph
from longtail.overview import imports
from longtail.stage1 import imported


@pytest.fixture
def far(tree, tmp_path):
    """A writer of trainings of another machine, into its folder of results."""

    def write(folder, **changes) -> Path:
        settings = tree.training(folder).settings | changes.pop("settings", {})
        return elsewhere.trained(tmp_path / "far/runs" / folder, settings, **changes)

    return write


def block(lines) -> dict[str, dict[str, str]]:
    return yaml.safe_load("\n".join(lines))["stage1"]


def test_what_is_whole_and_wanted_is_listed_with_its_hash(tree, far) -> None:
    source = far(tree.CE)

    lines = imports.lines(tree.graph, Path("far"))

    line = {"source": str(source), "sha256": imported.digest(source)}
    assert block(lines) == {tree.CE.removesuffix("/stage1"): line}
    assert lines[0] == "# 1 Stage 1 from far, of 2 that this configuration wants."
    assert len(lines) == 3


def test_the_list_can_be_taken_as_it_is(tree, far) -> None:
    far(tree.CE)
    far(tree.MIXUP)

    tree.configure(stage1=block(imports.lines(tree.graph, Path("far"))))

    assert [t.folder for t in tree.trainings.values() if t.imported] == [tree.CE, tree.MIXUP]


def test_code_that_is_not_that_of_here_is_remarked(tree, far) -> None:
    far(tree.CE)
    far(tree.MIXUP, code=tree.training(tree.MIXUP).code)

    _, _, ce, mixup = imports.lines(tree.graph, Path("far"))

    assert ce.endswith("}  # by other code than is here")
    assert mixup.endswith("}")


def left_out(tree) -> str:
    """The one remark on what cannot be taken, where that is all there is."""
    _, nothing, head, remark = imports.lines(tree.graph, Path("far"))
    assert (nothing, head) == ("stage1: {}", "# Left out:")
    return remark


def test_what_nothing_wants_is_left_out(tree, tmp_path) -> None:
    elsewhere.trained(tmp_path / "far/runs/cifar10/if100/resnet32/ce/seed7/stage1", {})

    assert left_out(tree) == "# - cifar10/if100/resnet32/ce/seed7: no table or figure asked for wants it"


@pytest.mark.parametrize("name", imported.FILES)
def test_what_is_not_finished_is_left_out(tree, far, name) -> None:
    (far(tree.CE) / name).unlink()

    assert f"/far/runs/{tree.CE} has no {name}: " in left_out(tree)


@pytest.mark.parametrize("name", imported.CHECKPOINTS)
def test_what_was_cut_short_is_left_out(tree, far, name) -> None:
    path = far(tree.CE) / name
    path.write_bytes(path.read_bytes()[:100])

    assert f"{path} is not a whole checkpoint (File is not a zip file): transfer it again" in left_out(tree)


def test_what_was_trained_otherwise_is_left_out(tree, far) -> None:
    far(tree.CE, settings={"sampler": {"name": "reverse"}})

    told = 'was trained otherwise (sampler.name is "reverse" there and "instance_balanced" here): '
    assert told in left_out(tree)


def test_what_is_finished_here_is_left_out(tree, far) -> None:
    source = far(tree.CE)
    tree.finish(tree.CE)
    assert f"results/runs/{tree.CE} holds this network already, trained here: " in left_out(tree)

    tree.finish(tree.CE, imported={"source": "/before", "sha256": imported.digest(source)})
    assert len(block(imports.lines(tree.graph, Path("far")))) == 1


def test_strange_words_in_a_path_are_quoted(tree, tmp_path) -> None:
    odd = tmp_path / "far: #1, 'it'"
    source = elsewhere.trained(odd / "runs" / tree.CE, tree.training(tree.CE).settings)

    (line,) = block(imports.lines(tree.graph, odd)).values()

    assert line["source"] == str(source)


def test_the_whole_graph_is_what_decides(tree, far) -> None:
    """Two seeds more in the configuration want two networks more."""
    record = json.loads((far(tree.CE) / "provenance.json").read_text())
    settings = record["settings"] | {"seeds": {"initialisation": 1, "order": 1}}
    elsewhere.trained(Path("far/runs").absolute() / tree.CE.replace("seed0", "seed1"), settings)

    tree.configure(seeds={"runs": [0, 1]})

    assert isinstance(tree.graph, Graph)
    assert len(block(imports.lines(tree.graph, Path("far")))) == 2
