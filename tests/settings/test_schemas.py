"""The dataclasses of settings have the fields and choices of the schemas, and the same fields may be absent."""

import typing
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any, Literal

import pytest

from longtail.config import schema, settings
from longtail.config.settings import NO_PART_OF_RESULTS
from longtail.settings.compute import Compute, Seeds
from longtail.settings.extraction import Extraction
from longtail.settings.parsing import Settings
from longtail.settings.part import Part
from longtail.settings.post_hoc import PostHoc
from longtail.settings.preprocessing import Preprocessing
from longtail.settings.recipe import Recipe
from longtail.settings.stage1 import Stage1
from longtail.settings.stage2 import Stage2

METHOD = schema.load("method")
CONFIG = schema.load("config")["properties"]
COMMON = {"backbone", "preprocessing", "compute", "seeds"}
# By dataclass: its schema, the keys of it that no job is given, and the fields that the graph adds.
KINDS: dict[type[Settings], tuple[dict[str, Any], set[str], set[str]]] = {
    Recipe: (schema.load("recipe"), {"preprocessing"}, {"name"}),
    Compute: (CONFIG["compute"], set(NO_PART_OF_RESULTS), set()),
    Seeds: (CONFIG["seeds"], {"subset", "runs"}, set()),
    Preprocessing: (schema.load("dataset")["properties"]["preprocessing"], set(), set()),
    Stage1: (METHOD["$defs"]["stage1"], {"backbones"}, COMMON | {"pretrained", "weights"}),
    Stage2: (METHOD["$defs"]["stage2"], set(), COMMON | {"frozen", "head"}),
}


def resolved(block: dict[str, Any]) -> dict[str, Any]:
    return METHOD["$defs"][block["$ref"].rsplit("/", 1)[1]] | block if "$ref" in block else block


def pairs(kind: type[Settings], block: dict[str, Any]) -> Iterator[tuple[str, Any, Any, dict[str, Any]]]:
    """Name, field, type and schema of every field that both have, in blocks within blocks too."""
    hints = typing.get_type_hints(kind)
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name not in block["properties"]:
            continue
        below = resolved(block["properties"][field.name])
        yield field.name, field, hints[field.name], below
        for option in (hints[field.name], *typing.get_args(hints[field.name])):
            if isinstance(option, type) and issubclass(option, Settings) and option not in (Part, Recipe):
                yield from pairs(option, below)


@pytest.mark.parametrize("kind", KINDS)
def test_fields_are_the_keys_of_the_schema(kind: type[Settings]) -> None:
    block, left_out, added = KINDS[kind]
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    assert names - added == block["properties"].keys() - left_out
    for _, _, hint, below in pairs(kind, block):
        for option in (hint, *typing.get_args(hint)):
            if isinstance(option, type) and issubclass(option, Settings) and option not in (Part, Recipe):
                assert {field.name for field in fields(option)} == below["properties"].keys()  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_choices_and_what_may_be_none_are_those_of_the_schema(kind: type[Settings]) -> None:
    for name, field, hint, below in pairs(kind, KINDS[kind][0]):
        literals = [option for option in (hint, *typing.get_args(hint)) if typing.get_origin(option) is Literal]
        assert [value for option in literals for value in typing.get_args(option)] == below.get("enum", []), name
        # What has no default in the schema and is not required may be absent, and is None then.
        may_be_none = "null" in below.get("type", []) or field.default is None
        if kind is not Seeds:  # None stands for the run's own, which the graph fills in
            assert may_be_none == (type(None) in typing.get_args(hint)), name


@pytest.mark.parametrize("kind", KINDS)
def test_what_may_be_absent_has_no_default_in_the_schema(kind: type[Settings]) -> None:
    block, _, _ = KINDS[kind]
    for name, field, _, below in pairs(kind, block):
        required = name in block.get("required", [])
        may_be_absent = field.default is not MISSING or field.default_factory is not MISSING
        if may_be_absent and name in block["properties"]:
            assert "default" not in below, name
            assert not required, name


def test_jobs_of_shipped_methods_are_parsed(shipped: Any) -> None:
    for name, method in shipped.methods.items():
        if "needs" in method:
            continue
        if "post_hoc" in method:
            PostHoc.parse(settings.post_hoc(shipped, "cifar10", "if100", name))
        elif "stage2" in method:
            Stage2.parse(settings.stage2(shipped, "cifar10", "if100", "resnet32", name, 0))
        else:
            values = settings.stage1(shipped, "cifar10", "if100", "resnet32", name, 0)
            Stage1.parse(values)
            Extraction.parse({key: values[key] for key in ("backbone", "head", "preprocessing", "compute")})
    titles = Stage1.parse(settings.stage1(shipped, "made_titles", "if10", "textcnn", "ce", 0))
    assert titles.preprocessing is None
