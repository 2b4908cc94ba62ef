"""Validation against a JSON schema: defaults filled in, and every mistake told in one sentence."""

import copy
import functools
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, exceptions

from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT
from longtail.runtime.parts import nearest

SCHEMAS = ROOT / "config" / "schemas"


def read_yaml(path: Path) -> Any:
    """Parse a YAML file; InputError with the line when it is not YAML."""
    try:
        # Numbers such as 2e-4 are floats only to YAML 1.2; 1.1 wants 2.0e-4, and the schema says so if not.
        return yaml.safe_load(path.read_text()) or {}
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is not valid YAML: {reason}") from error


@functools.cache
def load(name: str) -> dict[str, Any]:
    """The schema `config/schemas/<name>.yaml`."""
    schema: dict[str, Any] = read_yaml(SCHEMAS / f"{name}.yaml")
    return schema


def check(value: Any, schema_name: str, where: str) -> Any:
    """A copy of `value` with defaults filled in; InputError naming `where`, the key and the remedy."""
    schema = load(schema_name)
    filled = copy.deepcopy(value)
    _fill(filled, schema, schema)
    error = exceptions.best_match(Draft202012Validator(schema).iter_errors(filled))
    if error is not None:
        raise InputError(f"{where}: {_sentence(error)}")
    return filled


def _resolve(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        target: dict[str, Any] = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        return target
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
    explanation = schema.get("description", error.message)
    return f"{at} is {instance!r}, which is not allowed: {explanation}"
