import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests import elsewhere

from longtail.graph.graph import Graph
from longtail.overview import imports
from longtail.runtime import files
from longtail.runtime.errors import InputError
from longtail.stage1 import imported

SUBSET = "results/data/cifar10/if100/subset.json"


@pytest.fixture(autouse=True)
def _images_that_are_read(tree) -> None:
    files.write_json(SUBSET, {"total": 12406, "content": elsewhere.SEEN})


@pytest.fixture
def far(tree, tmp_path):
    """A writer of trainings of another machine, into its folder of results."""

    def write(folder, **changes) -> Path:
        settings = tree.training(folder).settings | changes.pop("settings", {})
        return elsewhere.trained(tmp_path / "far/runs" / folder, settings, **changes)

    return write


def block(lines) -> dict[str, dict[str, str]]:
    return yaml.safe_load("\n".join(lines))["stage1"]


def test_complete_and_requested_networks_are_listed_with_their_hash(tree: Any, far: Any) -> None:
    source = far(tree.CE)

    lines = imports.lines(tree.graph, Path("far"))

    line = {"source": str(source), "sha256": imported.digest(source)}
    assert block(lines) == {tree.CE.removesuffix("/stage1"): line}
    assert lines[0] == "# 1 Stage 1 from far, of 2 that this configuration uses."
    assert len(lines) == 3


def test_the_list_can_be_taken_as_it_is(tree: Any, far: Any) -> None:
    far(tree.CE)
    far(tree.MIXUP)

    tree.configure(stage1=block(imports.lines(tree.graph, Path("far"))))

    assert [t.folder for t in tree.trainings.values() if t.imported] == [tree.CE, tree.MIXUP]


def test_code_that_is_not_that_of_here_is_remarked(tree: Any, far: Any) -> None:
    far(tree.CE)
    far(tree.MIXUP, code=tree.training(tree.MIXUP).code)

    _, _, ce, mixup = imports.lines(tree.graph, Path("far"))

    assert ce.endswith("}  # by other code than is here")
    assert mixup.endswith("}")


@pytest.mark.parametrize("folder", ["transfer/a", "far/runs/birds_from_files/if7/resnet32/of_mine/seed9/stage1"])
def test_a_network_is_known_by_settings_and_images_alone(tree: Any, far: Any, folder: str) -> None:
    source = far(tree.CE)
    moved = tree.config.parent / "else" / folder
    moved.parent.mkdir(parents=True)
    source.rename(moved)

    lines = imports.lines(tree.graph, Path("else"))

    assert block(lines) == {tree.CE.removesuffix("/stage1"): {"source": str(moved), "sha256": imported.digest(moved)}}


def test_a_block_for_a_file_names_networks_from_there(tree: Any, far: Any) -> None:
    far(tree.CE)

    (line,) = block(imports.lines(tree.graph, Path("far"), Path("config"))).values()

    assert line["source"] == f"../far/runs/{tree.CE}"


def left_out(tree) -> str:
    """The one remark on what cannot be taken, where that is all there is."""
    _, nothing, head, remark = imports.lines(tree.graph, Path("far"))
    assert (nothing, head) == ("stage1: {}", "# Left out:")
    return remark


def test_unused_networks_are_left_out_with_the_closest_one(tree: Any, far: Any) -> None:
    far(tree.CE, settings={"seeds": {"initialisation": 7, "order": 7}})

    assert left_out(tree) == (
        f"# - far/runs/{tree.CE}: no requested table or figure uses such a Stage 1; "
        "cifar10/if100/resnet32/ce/seed0 is closest (seeds.initialisation is 7 there and 0 here; "
        "seeds.order is 7 there and 0 here)"
    )


def test_what_saw_other_images_is_left_out(tree: Any, far: Any) -> None:
    far(tree.CE, images_seen=elsewhere.SEEN | {"test": "0b" * 32})

    reason = "it was trained on other images than those here of cifar10 if100"
    assert left_out(tree) == f"# - far/runs/{tree.CE}: {reason}"


def test_what_does_not_say_what_it_saw_is_left_out(tree: Any, far: Any) -> None:
    far(tree.CE, images_seen=None)

    assert "provenance.json does not list in 'images_seen' the images that the network saw" in left_out(tree)


def copied(tree, **changes) -> None:
    """CE once more, under another name of its data set."""
    folder = tree.config.parent / "far/runs" / tree.CE.replace("cifar10", "copy")
    elsewhere.trained(folder, tree.training(tree.CE).settings, **changes)


def test_two_networks_for_one_run_are_left_out(tree: Any, far: Any) -> None:
    far(tree.CE)
    copied(tree, commit="def456")

    assert left_out(tree) == (
        f"# - cifar10/if100/resnet32/ce/seed0: far/runs/{tree.CE} and far/runs/{tree.CE.replace('cifar10', 'copy')} "
        "are 2 networks for one run: keep one of them there"
    )


def test_one_network_twice_is_taken_once(tree: Any, far: Any) -> None:
    source = far(tree.CE)
    copied(tree)

    (line,) = block(imports.lines(tree.graph, Path("far"))).values()

    assert line["source"] == str(source)


def test_images_that_have_not_been_read_yet_are_requested(tree: Any, far: Any) -> None:
    far(tree.CE)
    Path(SUBSET).unlink()

    with pytest.raises(InputError) as caught:
        imports.lines(tree.graph, Path("far"))

    assert str(caught.value) == (
        "networks below far cannot be compared with images that are not read yet: run `snakemake --cores all "
        f"{SUBSET}` with this configuration first"
    )


def test_runs_that_are_left_out_because_of_a_missing_network_are_requested(tree: Any, far: Any) -> None:
    far(tree.CE)
    tree.configure(missing_networks="leave_out")

    lines = imports.lines(tree.graph, Path("far"))

    assert lines[0] == "# 1 Stage 1 from far, of 2 that this configuration uses."
    tree.configure(missing_networks="leave_out", stage1=block(lines))
    assert [t.folder for t in tree.trainings.values()] == [tree.CE]


def test_stage2s_are_passed_over(tree: Any, far: Any) -> None:
    far(tree.CE)
    elsewhere.trained(Path("far/runs").absolute() / tree.MISLAS, tree.training(tree.MISLAS).settings)

    assert len(imports.lines(tree.graph, Path("far"))) == 3


@pytest.mark.parametrize("name", imported.FILES)
def test_what_is_not_finished_is_left_out(tree: Any, far: Any, name: str) -> None:
    (far(tree.CE) / name).unlink()

    assert f"far/runs/{tree.CE} has no {name}: " in left_out(tree)


@pytest.mark.parametrize("name", imported.CHECKPOINTS)
def test_what_was_cut_short_is_left_out(tree: Any, far: Any, name: str) -> None:
    path = far(tree.CE) / name
    path.write_bytes(path.read_bytes()[:100])

    assert f"{tree.CE}/{name} is not a whole checkpoint (File is not a zip file): transfer it again" in left_out(tree)


@pytest.mark.parametrize("text", ['{"set', "[]", '{"settings": 3}'])
def test_an_invalid_record_is_left_out(tree: Any, far: Any, text: str) -> None:
    (far(tree.CE) / "provenance.json").write_text(text)

    assert left_out(tree).startswith(f"# - far/runs/{tree.CE}: far/runs/{tree.CE}/provenance.json ")


def test_a_folder_without_networks_is_reported(tree: Any, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()

    with pytest.raises(InputError, match=r"--from: nothing below far is a finished Stage 1, a folder with"):
        imports.lines(tree.graph, Path("far"))


def test_what_is_finished_here_is_left_out(tree: Any, far: Any) -> None:
    source = far(tree.CE)
    tree.finish(tree.CE)
    assert f"results/runs/{tree.CE} holds this network already, trained here: " in left_out(tree)

    tree.finish(tree.CE, imported={"source": "/before", "sha256": imported.digest(source)})
    assert len(block(imports.lines(tree.graph, Path("far")))) == 1


def test_strange_words_in_a_path_are_quoted(tree: Any, tmp_path: Path) -> None:
    odd = tmp_path / "far: #1, 'it'"
    elsewhere.trained(odd / "runs" / tree.CE, tree.training(tree.CE).settings)

    (line,) = block(imports.lines(tree.graph, odd)).values()

    assert line["source"] == f"{odd}/runs/{tree.CE}"


def test_the_whole_graph_is_what_decides(tree: Any, far: Any) -> None:
    """Two seeds more in the configuration want two networks more."""
    record = json.loads((far(tree.CE) / "provenance.json").read_text())
    settings = record["settings"] | {"seeds": {"initialisation": 1, "order": 1}}
    elsewhere.trained(Path("far/runs").absolute() / tree.CE.replace("seed0", "seed1"), settings)

    tree.configure(seeds={"runs": [0, 1]})

    assert isinstance(tree.graph, Graph)
    assert len(block(imports.lines(tree.graph, Path("far")))) == 2
