from pathlib import Path

import pytest

from longtail.config import paths


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("x", "/there/x"),
        ("./x/", "/there/x"),
        ("../x//y", "/x/y"),
        ("/x/", "/x"),
        ("~/x", "/home/me/x"),
        ("$DATA/x", "/data/x"),
        ("${DATA}x", "/datax"),
        ("$NOT_SET/x", "/there/$NOT_SET/x"),
        ("鳥 a", "/there/鳥 a"),
        ("s3://bucket/x/", "s3://bucket/x"),
    ],
)
def test_a_path_is_seen_from_its_folder(monkeypatch: pytest.MonkeyPatch, given: str, found: str) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("DATA", "/data")
    monkeypatch.delenv("NOT_SET", raising=False)

    assert paths.absolute(given, Path("/there")) == found


def test_every_path_of_a_configuration_and_nothing_else() -> None:
    data = {
        "data_dir": "a",
        "train_list": "b",
        "test_list": "c",
        "pretrained": "d",
        "title": "e",
        "titles": {"x": "y"},
    }
    kinds = {"birds": "image_list", "none": "folder", "texts": "titles"}
    config = {
        "tables": ["digits", "mine.yaml"],
        "figures": ["f.yml"],
        "datasets": {"birds": data, "none": {"data_dir": None}, "texts": data},
        "stage1": {"run": {"source": "g", "sha256": "h"}},
        "methods": {"m": {"label": "i.yaml"}},
    }

    assert paths.in_config(config, Path("/there"), kinds) == {
        "tables": ["digits", "/there/mine.yaml"],
        "figures": ["/there/f.yml"],
        "datasets": {
            "birds": data
            | {"data_dir": "/there/a", "train_list": "/there/b", "test_list": "/there/c", "pretrained": "/there/d"},
            "none": {"data_dir": None},
            # Lists are no keys of this kind, so what is written there stays for the sentence that refuses it.
            "texts": data | {"data_dir": "/there/a", "pretrained": "/there/d"},
        },
        "stage1": {"run": {"source": "/there/g", "sha256": "h"}},
        "methods": {"m": {"label": "i.yaml"}},
    }


@pytest.mark.parametrize(
    "odd", [{}, {"tables": "x.yaml"}, {"datasets": ["x"]}, {"stage1": {"a": 1}}, {"tables": [1]}]
)
def test_another_form_is_left_to_the_schema(odd: dict[str, object]) -> None:
    assert paths.in_config(odd, Path("/there"), {}) == odd
