from pathlib import Path

import pytest
import yaml

from longtail.config import layers
from longtail.config.registry import CONFIG
from longtail.runtime.errors import InputError


def test_later_files_upon_earlier_ones_and_arguments_on_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    first, second = tmp_path / "a/first.yaml", tmp_path / "second.yaml"
    first.write_text(
        yaml.safe_dump({"seeds": {"runs": [1, 2], "subset": 3}, "datasets": {"cifar10": {"data_dir": "x"}}})
    )
    second.write_text(yaml.safe_dump({"seeds": {"runs": [4]}}))
    said = {"tables": ["mine.yaml"], "compute": {"threads": 2}}

    # The default lies beneath all others, wherever it is listed.
    found = layers.read([first, second, CONFIG / "config.yaml"], said)

    assert found["seeds"] == {"subset": 3, "runs": [4], "initialisation": None, "order": None}
    assert found["datasets"] == {"cifar10": {"data_dir": str(tmp_path / "a/x")}}
    assert found["tables"] == [str(tmp_path / "mine.yaml")]
    assert (found["compute"]["threads"], found["compute"]["device"]) == (2, "auto")


def test_paths_of_a_data_set_are_those_of_its_kind_wherever_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    birds = {"data_dir": "x", "train_list": "y"}
    (tmp_path / "a/mine.yaml").write_text(yaml.safe_dump({"datasets": {"birds": birds, "places_lt": birds}}))

    named_later = layers.read([Path("a/mine.yaml")], {"datasets": {"birds": {"kind": "folder"}}})["datasets"]

    absolute = {"data_dir": str(tmp_path / "a/x"), "train_list": str(tmp_path / "a/y")}
    assert named_later["places_lt"] == absolute, "the kind of config/datasets/places_lt.yaml"
    assert named_later["birds"] == absolute | {"train_list": "y", "kind": "folder"}


def test_a_file_is_read_with_care(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("seeds: {}\nseeds: {}\n")

    with pytest.raises(InputError, match=r"mine\.yaml, line 2: the key 'seeds' stands in line 1 already"):
        layers.read([tmp_path / "mine.yaml"])
