"""The documentation agrees with the program: generated tables are in step, and every example is valid."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from longtail.config import build, load, schema
from longtail.config.registry import Registry
from longtail.handbook import reference
from longtail.runtime import parts
from longtail.runtime.errors import InputError

SCHEMAS = ["config", "dataset", "method", "recipe", "table", "statistics", "claims", "figure"]
KINDS = ("similarity", "projection", "sensitivity", "probabilities")
README, METHODS_PAGE, WEIGHTS_PAGE = (path.read_text() for path in reference.PAGES)
SECTIONS = dict(re.findall(r"^## .*?```yaml\n(.*?)```.*?<!-- reference: (\w+) -->", README, re.DOTALL | re.MULTILINE))
EXAMPLES = {name: yaml.safe_load(text) for text, name in SECTIONS.items()}
OF_KINDS = [
    yaml.safe_load(text) for text in re.findall(r"^```yaml\n(kind: .*?)```", README, re.DOTALL | re.MULTILINE)
]
KEYWORDS = {*Draft202012Validator.VALIDATORS, "$schema", "$defs", "title", "description", "default"}


def test_every_schema_has_a_section_and_there_are_no_others() -> None:
    stored = {path.stem for path in schema.SCHEMAS.glob("*.yaml")}

    others = ("parts", "kinds", "metrics", "figures")
    assert [name for name in re.findall(r"<!-- reference: (\w+) -->", README) if name not in others] == SCHEMAS
    assert stored == set(SCHEMAS) == set(EXAMPLES)


@pytest.mark.parametrize("page", reference.PAGES, ids=lambda path: path.name)
def test_generated_tables_are_in_step(page: Path) -> None:
    text = page.read_text()

    assert reference.updated(text) == text, "run: longtail handbook"


def test_examples_of_the_page_on_weights_are_valid() -> None:
    run, table, recipe = (yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", WEIGHTS_PAGE, re.DOTALL))
    found = load.load(run | recipe, [])

    assert found.config["backbones"]["resnet50_imagenet"]["recipe"] == "fine_tune"
    assert found.recipes["gentle"]["rates"]["head"] == 1.0
    assert schema.check(table, "table", "the page")["columns"][1]["backbone"] == "resnet50_imagenet"


def test_updating_replaces_a_stale_table_and_nothing_else() -> None:
    page = "before\n<!-- reference: recipe -->\n| stale |\n<!-- end -->\nafter\n"

    updated = reference.updated(page)

    assert updated == f"before\n<!-- reference: recipe -->\n{reference.markdown('recipe')}<!-- end -->\nafter\n"
    assert "stale" not in updated
    assert reference.updated(updated) == updated


def test_an_unknown_table_is_named() -> None:
    with pytest.raises(InputError, match=r"nonsense\.yaml"):
        reference.updated("<!-- reference: nonsense -->\n<!-- end -->")


def test_rows_of_a_schema_worked_out_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {
        "required": ["size"],
        "properties": {
            "size": {"type": "integer", "description": "how big"},
            "mode": {"enum": ["a", "b"], "default": "a", "description": "which way"},
            "part": {
                "description": "a name or a block",
                "oneOf": [{"type": "string"}, {"$ref": "#/$defs/part"}],
            },
            "list": {
                "description": "many",
                "default": [],
                "items": {"required": ["x"], "properties": {"x": {"description": "of an item"}}},
            },
            "named": {
                "description": "of names",
                "additionalProperties": {"required": ["y"], "properties": {"y": {"description": "under each"}}},
            },
            "flags": {"description": "without names", "additionalProperties": False},
            "marks": {"items": {"enum": [1, 2]}, "description": "left | right <b>"},
        },
        "$defs": {"part": {"properties": {"on": {"default": None, "description": "inside"}}}},
    }
    monkeypatch.setattr(schema, "load", lambda name: small)

    assert reference.rows("small") == [
        ("size", "required", "how big"),
        ("mode", "a", "which way; one of `a`, `b`"),
        ("part", "–", "a name or a block"),
        ("part.on", "null", "inside"),
        ("list", "[]", "many"),
        ("list[].x", "required", "of an item"),
        ("named", "–", "of names"),
        ("named.*.y", "required", "under each"),
        ("flags", "–", "without names"),
        ("marks", "–", "left | right <b>; any of `1`, `2`"),
    ]
    assert reference.markdown("small").splitlines()[2:5] == [
        "| `size` | required | how big |",
        "| `mode` | `a` | which way; one of `a`, `b` |",
        "| `part` | – | a name or a block |",
    ]
    assert reference.markdown("small").splitlines()[-1] == "| `marks` | – | left \\| right \\<b>; any of `1`, `2` |"


def test_keys_of_the_real_schemas() -> None:
    keys = {name: {key: default for key, default, _ in reference.rows(name)} for name in SCHEMAS}

    assert keys["method"]["stage1.loss.name"] == "required"
    assert keys["method"]["stage2.loss"] == "{name: cross_entropy}"
    assert keys["method"]["overrides[].dataset"] == "required"
    assert keys["method"]["needs"] == "–"
    assert keys["dataset"]["preprocessing.crop_padding"] == "4"
    assert keys["table"]["columns[].dataset"] == "required"
    assert keys["recipe"]["momentum"] == "0.9"
    assert keys["config"]["seeds.initialisation"] == "null"
    assert keys["config"]["stage1.*.sha256"] == "required"


@pytest.mark.parametrize("name", SCHEMAS)
def test_no_description_is_cut_short_by_a_comma(name: str) -> None:
    """In `{description: a, b}` YAML ends the text at the comma, and `b` becomes a keyword nobody knows."""
    unknown = {key for node in _nodes(schema.load(name)) for key in set(node) - KEYWORDS}

    assert unknown == set()


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    inner = [*node.get("properties", {}).values(), *node.get("$defs", {}).values(), *node.get("oneOf", [])]
    inner += [node[key] for key in ("items", "additionalProperties") if isinstance(node.get(key), dict)]
    for child in inner:
        yield from _nodes(child)


@pytest.mark.parametrize("name", ["config", "dataset", "method", "recipe"])
def test_examples_of_a_configuration_are_valid(name: str) -> None:
    own = EXAMPLES[name]
    found = load.load(own, [])

    for kind in ("datasets", "methods", "recipes"):
        assert set(own.get(kind, {})) <= set(getattr(found, kind))


def test_the_example_of_each_kind_is_of_that_kind() -> None:
    assert [kind for kind in ("dataset", "method", "recipe") if f"{kind}s" not in EXAMPLES[kind]] == []


def test_the_example_table_and_figure_can_be_run(tmp_path: Path) -> None:
    for kind in ("table", "figure"):
        (tmp_path / f"my_{kind}.yaml").write_text(yaml.safe_dump(EXAMPLES[kind]))
    config = {"tables": [f"{tmp_path}/my_table.yaml"], "figures": [f"{tmp_path}/my_figure.yaml"]}

    found = build.build(config, [])

    cells = found.tables["my_table"].cells + found.figures["my_figure"].cells
    assert [cell.needs for cell in cells] == [None] * len(cells)
    assert {run.setting.imbalance for run in found.runs} == {"if20", "if1"}


def test_the_other_example_tables_and_figures_can_be_run(tmp_path: Path) -> None:
    config: dict[str, list[str]] = {"tables": [], "figures": []}
    figures = {example["kind"]: example for example in OF_KINDS if example["kind"] in KINDS}
    assert set(figures) == set(KINDS)
    for name, example in ({name: EXAMPLES[name] for name in ("statistics", "claims")} | figures).items():
        path = tmp_path / f"my_{name}.yaml"
        path.write_text(yaml.safe_dump(example))
        config["figures" if name in figures else "tables"].append(str(path))

    found = build.build(config, [])

    assert {figure.kind for figure in found.figures.values()} == set(KINDS)
    assert [cell.needs for figure in found.figures.values() for cell in figure.cells if cell.needs] == []
    assert [cell.needs for cell in found.claims["my_claims"].cells] == [None] * 5
    assert [row.imbalances for row in found.statistics["my_statistics"].rows] == [["if10", "if50"], ["natural"]]
    assert {run.method for run in found.runs} >= {
        "ladc_generator_m_1",
        "ladc_generator_m_3",
        "ladc_sampler_tau_1_0",
        "ladc_sampler_tau_1_5",
    }


def test_every_setting_of_every_part_is_described() -> None:
    lines = reference.part_settings().splitlines()[2:]

    assert len(lines) > 25
    assert all(line.split("|")[-2].strip() for line in lines)
    assert any("`generator` | `ladc` | `w_rule`" in line for line in lines)


def test_every_key_of_every_kind_of_data_set_is_described() -> None:
    lines = reference.kinds().splitlines()[2:]

    assert {line.split("|")[1].strip(" `") for line in lines} > set(parts.names("data.sources"))
    assert all(line.split("|")[-2].strip() for line in lines)
    for line in ("| `folder` | `data_dir` | required |", "| `titles` | `titles.test` | `[test.txt]` |"):
        assert any(row.startswith(line) for row in lines), line
    assert "| `cifar` | `archive.urls` | required | mirrors, tried in order |" in lines
    assert any(row.startswith("| any, for backbone `resnet152_last_block` | `pretrained` | `null`") for row in lines)


def test_every_setting_of_every_kind_of_figure_is_listed_beside_those_that_all_have() -> None:
    lines = reference.figures().splitlines()

    assert lines[0] == "| kind | key | default | description |"
    assert "| `comparison` | `panels[].printed.ece` | – | expected calibration error in % |" in lines
    assert "| `projection` | `method` | required |" in "\n".join(lines)
    assert {line.split("`")[1] for line in lines[2:]} == set(load.figure_kinds()) == {"comparison", *KINDS}
    assert "`dataset`" not in "\n".join(lines)


def test_every_method_is_in_the_table_with_its_status(shipped: Registry) -> None:
    lines = METHODS_PAGE.splitlines()

    for name, method in shipped.methods.items():
        (line,) = [line for line in lines if f"(`{name}`)" in line]
        assert f"[{method['label']}](methods/{name}.md)" in line
        assert method["paper"] in line
        assert (f"needs {method['needs']}" if "needs" in method else "| runs") in line


def test_methods_that_run_come_first() -> None:
    statuses = ["| needs " in line for line in reference.methods().splitlines()[2:]]

    assert statuses == sorted(statuses)
    assert {True, False} == set(statuses)
