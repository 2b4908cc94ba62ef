"""How a method works: the docstrings and settings of its parts, read without importing them."""

import ast
import re
from collections.abc import Iterator
from typing import Any

from longtail.config.registry import PARTS, STAGES, named_parts
from longtail.config.strict_yaml import as_line
from longtail.handbook import reference
from longtail.handbook.markdown import choices, table
from longtail.runtime import parts
from longtail.runtime.fingerprint import ROOT

# The functions of a part that the workflow calls, whose docstrings describe it best.
FUNCTIONS = ("build", "draw", "adjust", "Learner")
CARDS = ROOT / "docs" / "methods.md"
BLOCKS = (*STAGES, "post_hoc")

_CARD = re.compile(r'methods\s+card\s+(?:"([^"]+)"|(\d+\.\d+))')


def explained(method: dict[str, Any]) -> str:
    """Every part of a method that is not a default, with its settings; then the default parts and other settings."""
    blocks = {block: method[block] for block in BLOCKS if block in method}
    part_blocks = [(key, block) for key, _, block in named_parts(blocks)]
    described = [_part(key, block) for key, block in part_blocks if not _is_default(key, block)]
    defaults = [_line(key, block) for key, block in part_blocks if _is_default(key, block)]
    rest = [row for stage in STAGES if isinstance(method.get(stage), dict) for row in _rest(method, stage)]
    others = "".join(defaults) + ("\n" if defaults and rest else "") + _settings(rest)
    if described and others:
        others = f"### Other parts and settings\n\n{others}"
    return "\n".join([*described, *([others] if others else [])])


def docstrings(package: str, name: str) -> list[str]:
    """The docstring of a part's module, and that of the function or class that the workflow uses.

    A class of the module that such a function returns is preferred to the function.
    """
    tree = ast.parse(parts.LIB.joinpath(*package.split("."), f"{name}.py").read_text())
    public = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_"]
    returned = {ast.unparse(node.returns) for node in public if isinstance(node, ast.FunctionDef) and node.returns}
    public.sort(
        key=lambda node: (node.name not in returned, node.name not in FUNCTIONS, isinstance(node, ast.FunctionDef))
    )
    texts = [ast.get_docstring(node) for node in public]
    return [text for text in (ast.get_docstring(tree), next(filter(None, texts), None)) if text]


def prose(text: str) -> str:
    """Text of a docstring or a definition as Markdown: tags escaped, cards linked, the "Raises" paragraph removed."""
    text = re.sub(r"(^|\n)Raises .*?(?=\n\n|$)", "", text, flags=re.DOTALL)
    text = re.sub(r"(`[^`]*`)|<", lambda match: match[1] or r"\<", text)
    return _CARD.sub(_linked, text).strip()


def _part(key: str, block: dict[str, Any]) -> str:
    package = PARTS[_kind(key)]
    text = "\n\n".join(map(prose, docstrings(package, block["name"])))
    rows = [
        (setting, as_line(block[setting]), rule["description"] + choices(rule))
        for setting, rule in parts.settings(package, block["name"]).items()
    ]
    table = f"\n{_settings(rows)}" if rows else ""
    return f"### {_title(key)}: {_source(package, block['name'])}\n\n{text}\n{table}"


def _line(key: str, block: dict[str, Any]) -> str:
    package = PARTS[_kind(key)]
    summary = prose(docstrings(package, block["name"])[0]).split("\n\n")[0]
    return f"- {_title(key)}: {_source(package, block['name'])}. {summary}\n"


def _rest(method: dict[str, Any], stage: str) -> Iterator[tuple[str, str, str]]:
    """The settings of a stage apart from its recipe and its parts: key, value and description; null is left out."""
    described = {key: text for key, _, text in reference.rows("method")}

    def below(block: dict[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
        for key, value in block.items():
            dotted = f"{prefix}.{key}"
            if value in (None, {}) or dotted == f"{stage}.recipe" or (key in PARTS and "name" in value):
                continue
            if isinstance(value, dict) and any(f"{dotted}.{inner}" in described for inner in value):
                yield from below(value, dotted)
            else:
                yield dotted.removeprefix(f"{stage}."), as_line(value), described.get(dotted, "")

    return below(method[stage], stage)


def _settings(rows: list[tuple[str, str, str]]) -> str:
    shown = [(f"`{key}`", f"`{value}`" if value else "", text) for key, value, text in rows]
    return table(("setting", "here", "what it is"), shown) if rows else ""


def _is_default(key: str, block: dict[str, Any]) -> bool:
    """Whether a part is the default of Stage 1, or of Stage 2 if Stage 1 has no such part."""
    defaults = {dotted: default for dotted, default, _ in reference.rows("method")}
    stages = [f"{stage}.{_kind(key)}" for stage in STAGES]
    return as_line(block) == next((defaults[stage] for stage in stages if stage in defaults), None)


def _kind(key: str) -> str:
    return key.rsplit(".", 1)[-1]


def _title(key: str) -> str:
    stage, *rest = key.split(".")
    return " ".join(rest or [stage]).replace("_", "-").capitalize()


def _source(package: str, name: str) -> str:
    return f"[`{name}`](../../lib/longtail/{package.replace('.', '/')}/{name}.py)"


def _linked(match: re.Match[str]) -> str:
    """The mention of a card as a link to its heading; unchanged if there is no such heading."""
    card = match[1] or match[2]
    for heading in re.findall(r"^### (.+)$", CARDS.read_text(), re.MULTILINE):
        if card in (heading, heading.split()[0], *heading.split(" and ")):
            anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            return f"[{match[0]}](../methods.md#{anchor})"
    return match[0]
