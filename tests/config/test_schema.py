import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from longtail.config import schema
from longtail.config.registry import CONFIG
from longtail.runtime.errors import InputError

# Their settings are defined by the part that they name.
PARTS = ("loss", "head", "mixing", "weighting", "sampler", "algorithm", "generator", "post_hoc")
NAMES = sorted(path.stem for path in schema.SCHEMAS.glob("*.yaml"))


def resolved(node: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    return root["$defs"][node["$ref"].split("/")[-1]] | node if "$ref" in node else node


def properties(node: dict[str, Any], root: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property below a node by its dotted key, `[]` standing for the items of a list, `*` for any name."""
    node = resolved(node, root)
    for key, child in node.get("properties", {}).items():
        yield f"{prefix}{key}", resolved(child, root)
        yield from properties(child, root, f"{prefix}{key}.")
    if "items" in node:
        yield from properties(node["items"], root, f"{prefix.removesuffix('.')}[].")
    if isinstance(node.get("additionalProperties"), dict):
        yield from properties(node["additionalProperties"], root, f"{prefix}*.")
    for form in node.get("oneOf", []):
        yield from properties(form, root, prefix)


def keys(name: str) -> dict[str, dict[str, Any]]:
    return dict(properties(schema.load(name), schema.load(name)))


@pytest.mark.parametrize("name", NAMES)
def test_the_schemas_are_schemas(name: str) -> None:
    Draft202012Validator.check_schema(schema.load(name))
    assert schema.load(name)["title"]


@pytest.mark.parametrize("name", NAMES)
def test_every_property_has_a_description(name: str) -> None:
    found = keys(name)

    assert len(found) > 5  # the walk above did find them
    assert [key for key, node in found.items() if not node.get("description")] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_mapping_says_which_keys_it_takes(name: str) -> None:
    """A mapping that lists its keys refuses others; only parts take settings that their own files define."""
    open_mappings = [
        key
        for key, node in keys(name).items()
        if "properties" in node and node.get("additionalProperties") is not False
    ]

    assert schema.load(name)["additionalProperties"] is False
    assert [key for key in open_mappings if key.split(".")[-1] not in PARTS] == []


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_valid_and_complete(name: str) -> None:
    root = schema.load(name)
    for key, node in keys(name).items():
        if "default" in node:
            errors = Draft202012Validator({**node, "$defs": root.get("$defs", {})}).iter_errors(node["default"])
            assert [error.message for error in errors] == [], key


def test_the_default_configuration_says_what_the_schema_says() -> None:
    assert schema.read_yaml(CONFIG / "config.yaml") == schema.check({}, "config", "nothing")


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_names_every_key_and_no_other(name: str) -> None:
    page = (CONFIG / "README.md").read_text()
    section = page.split(f"<!-- reference: {name} -->")[1].split("<!-- end -->")[0]
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| (.+) \|$", section, re.MULTILINE)

    assert sorted(key for key, _, _ in rows) == sorted(keys(name))
    assert all(default.strip() and description.strip() for _, default, description in rows)


def test_check_fills_defaults_at_every_depth_and_leaves_its_argument_alone() -> None:
    given = {"compute": {"threads": 2}}
    before = copy.deepcopy(given)

    filled = schema.check(given, "config", "mine.yaml")

    assert given == before
    assert filled["compute"] == schema.check({}, "config", "mine.yaml")["compute"] | {"threads": 2}
    assert filled["compute"]["device"] == "auto"
    assert filled["seeds"] == {"subset": 0, "runs": [0, 1, 2], "initialisation": None, "order": None}


def test_defaults_are_not_shared_between_two_checks() -> None:
    schema.check({}, "config", "mine.yaml")["seeds"]["runs"].append(99)

    assert schema.check({}, "config", "mine.yaml")["seeds"]["runs"] == [0, 1, 2]


ENTRY = {"backbone": "resnet32", "weights": "x.pth"}


@pytest.mark.parametrize("key", sorted(keys("config")))
def test_an_error_for_a_misspelt_key_names_its_place_and_spelling(key: str) -> None:
    *parents, last = key.split(".")
    misspelt = last[1] + last[0] + last[2:]
    value: dict[str, Any] = {misspelt: 1}
    for depth, parent in reversed(list(enumerate(parents))):
        # An entry lacks none of its own keys, where the misspelt one is further below.
        required = ENTRY if key.startswith("backbones.*.") and depth == 2 else {}
        value = {parent: value, **required}
    place = f" in '{'.'.join(parents)}'" if parents else ""

    with pytest.raises(
        InputError, match=re.escape(f"mine.yaml: unknown key '{misspelt}'{place}: did you mean '{last}'?")
    ):
        schema.check(value, "config", "mine.yaml")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("config", {"compute": {"device": "gpu"}}, "key 'compute.device' is 'gpu'"),
        ("config", {"compute": {"threads": 0}}, "key 'compute.threads' is 0, which is not allowed: CPU threads"),
        ("config", {"seeds": {"runs": []}}, "key 'seeds.runs' is [], which is not allowed: one run of every method"),
        ("config", {"seeds": {"runs": [0, 0]}}, "key 'seeds.runs' is [0, 0], which is not allowed"),
        ("config", {"tables": "digits"}, "key 'tables' is 'digits', which is not allowed: tables to make"),
        ("config", [], "the top level is [], which is not allowed"),
        ("config", {"seeds": [0]}, "key 'seeds' is [0], which is not allowed: the three seeds; write a mapping"),
        ("dataset", {"kind": "folder"}, "the top level lacks 'title': add it"),
        ("table", {"title": "x", "columns": [{"dataset": "digits", "factor": 1}], "rows": [{"method": "ce"}]},
         "key 'columns.0' lacks 'backbone': add it"),
    ],
)  # fmt: skip
def test_an_error_for_a_wrong_value_names_its_key_and_the_remedy(name: str, value: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"mine.yaml: {sentence}")) as caught:
        schema.check(value, name, "mine.yaml")

    assert "\n" not in str(caught.value)


def test_an_error_explains_how_to_write_a_number_that_yaml_reads_as_text() -> None:
    recipe = schema.read_yaml(CONFIG / "recipes.yaml")["MiSLAS-S2"]

    with pytest.raises(InputError, match=r"key 'weight_decay' is '2e-4'.*write 2\.0e-4"):
        schema.check({**recipe, "weight_decay": "2e-4"}, "recipe", "mine.yaml")


def test_a_file_that_is_not_yaml_is_named_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("tables: [digits\nseeds: {}\n")

    with pytest.raises(InputError, match=rf"^{re.escape(str(path))} is not valid YAML: .*line 2") as caught:
        schema.read_yaml(path)

    assert "\n" not in str(caught.value)


def test_a_json_file_is_read_as_json(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text('{"compute": {"threads": 2}, "recipes": {"mine": {"learning_rate": 1e-5}}}')
    assert schema.read_yaml(path) == {"compute": {"threads": 2}, "recipes": {"mine": {"learning_rate": 1e-5}}}

    for text, sentence in (
        (
            '{"seeds": {}, "seeds": {}}',
            "own.json is not valid JSON: the key 'seeds' stands there twice: merge",
        ),
        ('{"seeds": ', "own.json is not valid JSON: Expecting value: line 1 column 11"),
        ("[" * 100_000, "own.json is not valid JSON"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=re.escape(sentence)):
            schema.read_yaml(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*absent\.yaml \(No such file"):
        schema.read_yaml(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ({"compute": {"threads": 0}}, "it must be at least 1"),
        ({"compute": {"threads": "two"}}, "write a whole number"),
        ({"tables": "digits"}, "write a list"),
        ({"seeds": {"runs": []}}, "it must be at least 1 long"),
        ({"seeds": {"runs": [0, 0]}}, "it must be without repetition"),
        ({"seeds": {"order": "x"}}, "write a whole number or null"),
    ],
)
def test_an_error_for_a_wrong_value_says_what_is_allowed(value: Any, remedy: str) -> None:
    with pytest.raises(InputError, match=f"; {remedy}$"):
        schema.check(value, "config", "mine.yaml")


def test_a_number_that_yaml_takes_for_text_is_explained() -> None:
    recipe = schema.read_yaml(CONFIG / "recipes.yaml")["MiSLAS-S2"]
    with pytest.raises(InputError, match=r"'learning_rate' is '1e-3'.*; write a number \(1e-3 is text to YAML"):
        schema.check({**recipe, "learning_rate": "1e-3"}, "recipe", "mine.yaml")


def test_texts_are_on_one_line() -> None:
    given = {"title": "  a\n\tb  c \n", "label": ["x\r\ny", 1, None], "paper": {"z": "d\u00a0e"}}
    assert schema._on_one_line(given, "mine.yaml", "") == {
        "title": "a b  c",
        "label": ["x y", 1, None],
        "paper": {"z": "d\u00a0e"},
    }


@pytest.mark.parametrize(
    ("character", "code"),
    [("\x07", "0007"), ("\x85", "0085"), ("\u2028", "2028"), ("\ud800", "D800"), ("\uffff", "FFFF")],
)
def test_characters_that_no_page_can_show_are_refused_with_their_key(character: str, code: str) -> None:
    table = {"title": "a", "columns": [{"dataset": "d", "factor": 1, "backbone": "b", "label": f"x{character}y"}]}
    with pytest.raises(InputError) as error:
        schema.check(table | {"rows": [{"method": "m"}]}, "table", "mine.yaml")
    assert str(error.value) == f"mine.yaml: key 'columns.0.label' holds the character U+{code}: remove it"
