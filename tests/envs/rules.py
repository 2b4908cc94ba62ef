"""What the rules say of scripts and conda environments, and what the scripts import."""

import ast
import re
import sys
from pathlib import Path

from longtail.runtime import parts
from longtail.runtime.fingerprint import ROOT, reached


def _said(rule: str, key: str) -> str:
    """The path that stands below `key:` in a rule, from the root of the project."""
    found = re.findall(rf'^ *{key}:\n *"\.\./(\S+)"$', rule, re.MULTILINE)
    assert len(found) == 1, f"a rule without one {key}:\n{rule}"
    return str(found[0])


def _rules() -> list[str]:
    texts = [path.read_text() for path in sorted((ROOT / "rules").glob("*.smk"))]
    return [rule for text in texts for rule in re.split(r"^ *rule ?\w*:$", text, flags=re.MULTILINE)[1:]]


# Those of packs, which start another Snakemake, run in the environment of this one.
IN_SNAKEMAKE = "    run:\n        PACKS."
# The script and the environment of every other rule.
SCRIPTS = [
    (_said(rule, "script").removeprefix("workflow_scripts/").removesuffix(".py"), _said(rule, "conda"))
    for rule in _rules()
    if IN_SNAKEMAKE not in rule
]


def _trees(sources: set[Path]) -> list[ast.AST]:
    return [node for source in sorted(sources) for node in ast.walk(ast.parse(source.read_text()))]


def _kinds(sources: set[Path]) -> set[str]:
    """The packages of which a part is found by name: `losses` of `parts.find("losses", name)`."""
    calls = [
        node
        for node in _trees(sources)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (node.func.attr, ast.unparse(node.func.value)) == ("find", "parts")
    ]
    return {str(ast.literal_eval(call.args[0])) for call in calls}


def code(script: str) -> set[Path]:
    """All files that a script may reach, with every part of every kind that it finds by name."""
    found, named = set[Path](), set[str]()
    while found != (found := reached(script, *named)):
        named |= {f"{kind}.{name}" for kind in _kinds(found) for name in parts.names(kind)}
    return found


def imported(sources: set[Path]) -> set[str]:
    """Top-level names of all that files import, or whose files they look for (`find_spec("sklearn")`).

    Without the standard library and ourselves (`_script` with us).
    """
    names = {alias.name for node in _trees(sources) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in _trees(sources) if isinstance(node, ast.ImportFrom) and node.module}
    calls = [node for node in _trees(sources) if isinstance(node, ast.Call)]
    names |= {
        ast.literal_eval(call.args[0]) for call in calls if ast.unparse(call.func) == "importlib.util.find_spec"
    }
    return {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"longtail", "_script"}
