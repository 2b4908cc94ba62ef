"""Validation against a JSON schema, which fills in defaults and describes a mistake in one sentence."""

import copy
import functools
import json
import math
import re
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, exceptions, validators

from longtail.config import strict_yaml
from longtail.evaluate.columns import COLUMNS, METRICS
from longtail.runtime import files
from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT
from longtail.runtime.letters import is_unprintable
from longtail.runtime.parts import nearest

SCHEMAS = ROOT / "config" / "schemas"
KINDS = {
    "number": "a number",
    "integer": "a whole number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping of keys to values",
    "null": "null",
}
BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "above {}",
    "exclusiveMaximum": "below {}",
    "minItems": "at least {} long",
    "minLength": "at least {} long",
    "uniqueItems": "without repetition",
    "pattern": "of the form {}",
}


# To JSON 2.0 is a whole number, and to Python .inf and .nan are numbers: both are rejected here.
_Validator = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),
            "number": lambda _, value: (
                isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            ),
        }
    ),
)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds, or a JSON file where its name ends in .json.

    Raises InputError with the line and the remedy if it holds none, or a value that YAML would misread.
    """
    try:
        files.require_regular(path)
        text, is_json = path.read_bytes().decode("utf-8-sig"), path.suffix == ".json"
        # YAML 1.1 reads 2e-4 as text, and only 2.0e-4 as a number; the schema check explains that. JSON reads both.
        content = json.loads(text, object_pairs_hook=_once) if is_json else strict_yaml.parse(text)
    except OSError as error:
        raise InputError(f"cannot read {path} ({error.strerror}): correct its path") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, line {line}: this is not UTF-8: save the file with that encoding") from error
    except strict_yaml.Misleading as error:
        raise InputError(f"{path}, line {error.line}: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # such as a number too long
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is not valid {'JSON' if is_json else 'YAML'}: {reason}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{path} is not a mapping of keys to values: write it like config/demo.yaml")
    return content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise ValueError(f"the key '{twice[0]}' stands there twice: merge the two")
    return dict(pairs)


# Definitions that every schema may refer to, as `$ref: "#/$defs/column"`.
SHARED = {
    "column": {"enum": list(COLUMNS)},
    "metric": {"enum": list(METRICS)},
    "claimed_metric": {"enum": [name for name, metric in METRICS.items() if metric.can_be_claimed]},
}


@functools.cache
def load(name: str) -> dict[str, Any]:
    """The schema `config/schemas/<name>.yaml`, with the definitions that all of them share."""
    own = read_yaml(SCHEMAS / f"{name}.yaml")
    return own | {"$defs": SHARED | own.get("$defs", {})}


def check(value: Any, schema: str | dict[str, Any], where: str) -> Any:
    """A copy of `value` with defaults filled in; raises InputError naming `where`, the key and the remedy.

    `schema` is a schema, or the name of one in `config/schemas`.
    """
    schema = load(schema) if isinstance(schema, str) else schema
    filled = _on_one_line(value, where, "")
    _fill(filled, schema, schema)
    conform(filled, schema, where)
    return filled


def _on_one_line(value: Any, where: str, key: str) -> Any:
    """A copy of `value` in which line breaks and tabs in texts become spaces, and texts are stripped.

    Raises InputError for a character that cannot be printed.
    """
    if isinstance(value, dict):
        return {name: _on_one_line(child, where, f"{key}.{name}" if key else name) for name, child in value.items()}
    if isinstance(value, list):
        return [_on_one_line(child, where, f"{key}.{number}") for number, child in enumerate(value)]
    if not isinstance(value, str):
        return copy.deepcopy(value)
    text = re.sub(r"[ \t\r\n]*[\t\r\n][ \t\r\n]*", " ", value).strip(" ")
    for character in text:
        if is_unprintable(character):
            raise InputError(f"{where}: key '{key}' holds the character U+{ord(character):04X}: remove it")
    return text


def conform(value: Any, schema: dict[str, Any], where: str) -> None:
    """Raises InputError naming `where`, the key and the remedy if `value` breaks a rule of `schema`."""
    error = exceptions.best_match(_Validator(schema).iter_errors(value))
    if error is not None:
        raise InputError(f"{where}: {_sentence(error)}")


def _resolve(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        target: dict[str, Any] = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        return target | {key: value for key, value in schema.items() if key != "$ref"}
    return schema


def _fill(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> None:
    schema = _resolve(schema, root)
    for option in schema.get("oneOf", []):
        _fill(value, option, root)
    if isinstance(value, dict):
        for key, child in schema.get("properties", {}).items():
            target = _resolve(child, root)
            if key not in value and "default" in target:
                value[key] = copy.deepcopy(target["default"])
            if key in value:
                _fill(value[key], child, root)
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict):
            for key in value.keys() - schema.get("properties", {}).keys():
                _fill(value[key], extra, root)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for item in value:
            _fill(item, schema["items"], root)


def _sentence(error: exceptions.ValidationError) -> str:
    path = ".".join(str(part) for part in error.absolute_path)
    at = f"key '{path}'" if path else "the top level"
    schema: Any = error.schema
    expected: Any = error.validator_value
    instance: Any = error.instance
    if error.validator == "additionalProperties":
        known = schema.get("properties", {})
        unknown = sorted(set(instance) - set(known))[0]
        place = f" in '{path}'" if path else ""
        return f"unknown key '{unknown}'{place}: {nearest(unknown, known)}"
    if error.validator == "required":
        missing = next(key for key in expected if key not in instance)
        return f"{at} lacks '{missing}': add it"
    if error.validator == "enum":
        return f"{at} is {instance!r}: {nearest(str(instance), map(str, expected))}"
    return f"{at} is {instance!r}, which is not allowed: {schema.get('description', error.message)}{_bound(error)}"


def _bound(error: exceptions.ValidationError) -> str:
    """What is allowed in place of the value, if the broken rule can be said in a few words."""
    expected: Any = error.validator_value
    if error.validator == "type":
        kinds = [KINDS[kind] for kind in ([expected] if isinstance(expected, str) else expected)]
        # YAML 1.1 requires a dot in a number with an exponent.
        hint = (
            " (1e-3 is text to YAML: write 1.0e-3)"
            if "number" in expected and isinstance(error.instance, str)
            else ""
        )
        return f"; write {' or '.join(kinds)}{hint}"
    return f"; it must be {BOUNDS[error.validator].format(expected)}" if error.validator in BOUNDS else ""
