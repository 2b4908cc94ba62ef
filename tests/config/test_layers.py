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


def test_a_file_is_read_with_care(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("seeds: {}\nseeds: {}\n")

    with pytest.raises(InputError, match=r"mine\.yaml, line 2: the key 'seeds' stands in line 1 already"):
        layers.read([tmp_path / "mine.yaml"])
