"""How a method works, in the words of its parts: docstrings and settings, read without importing them."""

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

# What the workflow calls of a part: its docstring says most.
FUNCTIONS = ("build", "draw", "adjust", "Learner")
CARDS = ROOT / "docs" / "methods.md"
BLOCKS = (*STAGES, "post_hoc")

_CARD = re.compile(r'methods\s+card\s+(?:"([^"]+)"|(\d+\.\d+))')


def explained(method: dict[str, Any]) -> str:
    """Every part that a method names itself, with its settings; then the plain ones and what else its stage sets."""
    blocks = {block: method[block] for block in BLOCKS if block in method}
    found = [(key, block) for key, _, block in named_parts(blocks)]
    telling = [_part(key, block) for key, block in found if not _is_plain(key, block)]
    plain = [_line(key, block) for key, block in found if _is_plain(key, block)]
    rest = [row for stage in STAGES if isinstance(method.get(stage), dict) for row in _rest(method, stage)]
    also = "".join(plain) + ("\n" if plain and rest else "") + _settings(rest)
    if telling and also:
        also = f"### Besides\n\n{also}"
    return "\n".join([*telling, *([also] if also else [])])


def docstrings(package: str, name: str) -> list[str]:
    """What a part says of itself: the docstring of its module, and that of what the workflow calls of it.

    Where that function gives an object of a class of the module, the class tells more.
    """
    tree = ast.parse(parts.LIB.joinpath(*package.split("."), f"{name}.py").read_text())
    public = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_"]
    given = {ast.unparse(node.returns) for node in public if isinstance(node, ast.FunctionDef) and node.returns}
    public.sort(
        key=lambda node: (node.name not in given, node.name not in FUNCTIONS, isinstance(node, ast.FunctionDef))
    )
    texts = [ast.get_docstring(node) for node in public]
    return [text for text in (ast.get_docstring(tree), next(filter(None, texts), None)) if text]


def prose(text: str) -> str:
    """Text of a docstring or a definition as Markdown: tags escaped, cards linked, errors left to the code."""
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
    says = prose(docstrings(package, block["name"])[0]).split("\n\n")[0]
    return f"- {_title(key)}: {_source(package, block['name'])}. {says}\n"


def _rest(method: dict[str, Any], stage: str) -> Iterator[tuple[str, str, str]]:
    """What a stage sets beside its recipe and its parts: key, value and description; what is null is left out."""
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


def _is_plain(key: str, block: dict[str, Any]) -> bool:
    """Whether a part is what a stage has that asks for nothing: Stage 1, or Stage 2 for what only that one has."""
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
    """The mention of a card as a link to its heading; as it is where there is none."""
    wanted = match[1] or match[2]
    for heading in re.findall(r"^### (.+)$", CARDS.read_text(), re.MULTILINE):
        if wanted in (heading, heading.split()[0], *heading.split(" and ")):
            anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            return f"[{match[0]}](../methods.md#{anchor})"
    return match[0]
