"""What is published still means what it says: settings, images, networks and pages are those of today."""

import json
from pathlib import Path
from typing import Any

import pytest

from longtail.config import figures, layers, load, settings
from longtail.config.registry import CONFIG, Registry
from longtail.data import long_tail
from longtail.graph.graph import Graph
from longtail.report import published
from longtail.report.published import NETWORKS, PUBLISHED
from longtail.runtime import files, parts
from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT
from longtail.runtime.provenance import shown
from longtail.stage1 import imported

MANIFESTS = [path for path in sorted(PUBLISHED.glob("*/manifest.json")) if path.parent.name != "cpu-precision"]
# Made of data that are not part of the repository, in hours, before trainings named their images.
WITHOUT_DATA = {"cifar10-jpeg-baselines-if100", "cifar10-jpeg-ladc-if100"}
WITHOUT_DATA |= {"thucnews-sample-if100", "thucnews-sample-steps-if100"}
# Their plan wants data that are not part of the repository.
UNPLANNED = WITHOUT_DATA | {"gtsrb", "gtsrb-weights"}
# Data sets that are part of the environment, so that their images can be read anew.
EMBEDDED = ("digits", "made_titles")
# A kind of figure, and the pages that rank methods: folders made before them lack them.
NEWER = ("figures/reliability_overview/", "rankings/")
COMMAND = "make published"


def read(manifest: dict[str, Any]) -> tuple[dict[str, Any], list[Path]]:
    """The configuration that a published folder was made of, and its files, as they are today."""
    paths = [ROOT / name for name in manifest["configuration"]]
    return layers.read(paths), paths


def configuration(manifest: dict[str, Any]) -> Registry:
    """Its definitions, with the methods that its figures make of others."""
    found = load.load(*read(manifest))
    for name in found.config["figures"]:
        figures.figure(found, load.locate("figure", name))
    return found


def of_today(found: Registry, path: str) -> dict[str, Any]:
    """The settings that a training of a manifest would have today."""
    dataset, factor, backbone, stage1, seed, method = path.split("/")[2:8]
    place, number = (found, dataset, factor, backbone), int(seed.removeprefix("seed"))
    return settings.stage1(*place, stage1, number) if method == "stage1" else settings.stage2(*place, method, number)


@pytest.fixture(scope="module", params=MANIFESTS, ids=lambda path: path.parent.name)
def folder(request: pytest.FixtureRequest) -> tuple[Path, dict[str, Any]]:
    path: Path = request.param
    return path.parent, json.loads(path.read_text())


def test_settings_are_those_of_today(folder: tuple[Path, dict[str, Any]]) -> None:
    place, manifest = folder
    found = configuration(manifest)

    for path, record in manifest["trainings"].items():
        differing = imported.summary(imported.differences(record["settings"], of_today(found, path)))
        assert differing == "", f"{place.name}: {path} was made otherwise ({differing}): make the folder anew"


def test_tables_and_figures_are_those_of_today(
    folder: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place, manifest = folder
    if place.name in UNPLANNED:
        pytest.skip("the plan wants data that are not part of the repository")
    monkeypatch.chdir(tmp_path)  # where nothing is finished that a network could replace
    graph = Graph.of(*read(manifest))

    assert set(graph.inputs.metrics(graph.plan.runs)) == manifest["runs"].keys()
    assert set(graph.inputs.provenance(graph.plan.runs)) == manifest["trainings"].keys()
    targets = graph.targets
    shown = {path.removeprefix("results/") for path in (*targets.tables(), *targets.rankings(), *targets.figures())}
    assert manifest["files"].keys() <= shown
    assert all(name.startswith(NEWER) for name in shown - manifest["files"].keys())


def test_images_are_those_of_today(folder: tuple[Path, dict[str, Any]]) -> None:
    place, manifest = folder
    if place.name in WITHOUT_DATA:
        assert all(imported.SEEN not in record for record in manifest["trainings"].values())
        pytest.skip("made before trainings named their images")
    found = configuration(manifest)
    seen: dict[tuple[str, ...], dict[str, str]] = {}
    for path, record in manifest["trainings"].items():
        # Both stages, and networks that were trained elsewhere on other files, saw the same.
        assert seen.setdefault(tuple(path.split("/")[2:4]), record[imported.SEEN]) == record[imported.SEEN], path

    for (dataset, factor), differing in seen.items():
        if dataset in EMBEDDED:  # the real CIFAR-100 is compared in tests/data/sources/test_cifar.py
            source = settings.source(found, dataset)
            data = parts.find("data.sources", source["kind"]).read(source, None)
            definition, seed = found.datasets[dataset], found.config["seeds"]["subset"]
            classes = len(data.classes)
            sizes = (definition["n_max"], definition.get("decay_decimals"))
            kept = long_tail.subset(data.train_labels, classes, factor, seed, *sizes)
            assert data.digests(kept.indices) == differing


def test_files_are_those_of_the_manifest(folder: tuple[Path, dict[str, Any]]) -> None:
    place, manifest = folder
    shipped = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}

    assert {name: files.sha256(place / name) for name in manifest["files"]} == manifest["files"]
    assert shipped - {"manifest.json", "README.md"} == manifest["files"].keys()


class TestNetworks:
    NAMED = layers.read([CONFIG / "networks.yaml"])["stage1"]

    def test_all_that_are_there_are_named_with_their_hash(self) -> None:
        there = {str(path.parent) for path in NETWORKS.rglob("provenance.json")}

        assert {line["source"] for line in self.NAMED.values()} == there
        for folder, line in self.NAMED.items():
            assert imported.digest(Path(line["source"])) == line["sha256"], folder
            imported.check_checkpoints(Path(line["source"]), folder)

    def test_tables_were_made_of_them(self) -> None:
        used = {}
        for path in MANIFESTS:
            for training, record in json.loads(path.read_text())["trainings"].items():
                if str(record.get("imported", {}).get("source")).startswith("results/published/networks/"):
                    used[training.removeprefix("results/runs/").removesuffix("/stage1/provenance.json")] = record[
                        "imported"
                    ]

        named = {run: line | {"source": shown(Path(line["source"]))} for run, line in self.NAMED.items()}
        assert used == named, f"make the tables anew: {COMMAND}"


def test_images_of_networks_are_those_of_a_fixed_subset() -> None:
    """Networks of one data set and factor saw the same images, or their seeds could not be compared."""
    seen: dict[tuple[str, ...], set[str]] = {}
    for path in NETWORKS.rglob("provenance.json"):
        setting = path.relative_to(NETWORKS).parts[:2]
        seen.setdefault(setting, set()).add(json.dumps(json.loads(path.read_text())[imported.SEEN], sort_keys=True))

    assert all(len(found) == 1 for found in seen.values())


@pytest.mark.parametrize("path", published.pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_show_what_is_published(path: Path) -> None:
    text = path.read_text()

    assert published.filled(text) == text, f"fill the pages anew: {COMMAND}, or longtail published"


class TestFilling:
    TABLE = "# T\n\n## Last epoch (no look at the test set)\n\n| Method | ECE |\n| --- | --- |\n| CE | 1.00 (2) |\n\n"
    TABLE += (
        "## Best epoch on the test set (the papers' habit)\n\n| Method | ECE |\n| --- | --- |\n| CE | 2.00 (2) |\n"
    )
    TABLE += "\n- Seeds: 0, 1.\n- Commit: abc.\n"

    @pytest.fixture(autouse=True)
    def _a_published_table(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "mine.md").write_text(self.TABLE)
        monkeypatch.setattr(published, "PUBLISHED", tmp_path)

    @pytest.mark.parametrize(
        ("part", "filled"),
        [
            ("last", "| Method | ECE |\n| --- | --- |\n| CE | 1.00 (2) |\n"),
            ("best", "| Method | ECE |\n| --- | --- |\n| CE | 2.00 (2) |\n"),
            ("origin", "- Seeds: 0, 1.\n- Commit: abc.\n"),
        ],
    )
    def test_what_is_between_the_markers_is_replaced(self, part: str, filled: str) -> None:
        page = f"before\n<!-- published: mine.md, {part} -->\n{{}}<!-- end -->\nafter\n"

        assert published.filled(page.format("| old |\n")) == page.format(filled)

    @pytest.mark.parametrize(
        ("marker", "differing"),
        [
            ("other.md, last", "'<!-- published: other.md -->' names no file of results/published: correct it"),
            ("mine.md, lost", "'<!-- published: mine.md, lost -->' must end in last, best, origin: correct it"),
            ("mine.md", "'<!-- published: mine.md, None -->' must end in last, best, origin: correct it"),
        ],
    )
    def test_a_marker_that_names_nothing_is_reported(self, marker: str, differing: str) -> None:
        with pytest.raises(InputError) as caught:
            published.filled(f"<!-- published: {marker} -->\n<!-- end -->\n")

        assert str(caught.value) == differing
