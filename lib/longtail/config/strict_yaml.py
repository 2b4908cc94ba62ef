"""YAML without surprises: rejects values that YAML 1.1 reads as something else than they look like."""

import re
from typing import Any

import yaml

# The C parser is some ten times as fast; an installation of PyYAML may lack it.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
TAG = "tag:yaml.org,2002:"
# The C parser recurses without a limit, and would crash on far deeper nesting.
DEEPEST = 100
LONGEST = 100
PLAIN = {f"{TAG}{kind}" for kind in ("str", "int", "float", "bool", "null", "merge")}


class Misleading(yaml.YAMLError):
    """Valid YAML that is rejected: the problem with its remedy, and the line."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.line = line


def parse(text: str) -> Any:
    """The value of a YAML text; raises YAMLError for invalid YAML, Misleading for a value that YAML would misread."""
    _check_depth(text)
    loader = LOADER(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _Check(loader).node(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def as_line(value: Any) -> str:
    """A value as one line of YAML."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return text.removesuffix("...\n").strip()


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise Misleading(f"this is nested more than {DEEPEST} deep: remove brackets or indents", _line(event))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Check:
    def __init__(self, loader: Any) -> None:
        self.loader = loader
        self.done: dict[yaml.Node, bool] = {}

    def node(self, node: yaml.Node) -> None:
        """Raises Misleading if YAML would misread a node or one within it; an aliased node is checked once."""
        if node not in self.done:
            self.done[node] = False
            if isinstance(node, yaml.ScalarNode):
                self.scalar(node)
            elif node.tag not in (f"{TAG}map", f"{TAG}seq"):
                raise _misleading(node, f"the tag {node.tag} has no meaning here: remove it")
            elif isinstance(node, yaml.MappingNode):
                self.mapping(node)
            else:
                for item in node.value:
                    self.node(item)
            self.done[node] = True
        elif not self.done[node]:
            raise _misleading(node, "this is repeated within itself: write it out")

    def mapping(self, node: yaml.MappingNode) -> None:
        lines: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _misleading(key, "a list or a mapping is no key: write text")
            if key.tag not in (f"{TAG}str", f"{TAG}merge"):
                raise _misleading(key, f"the key {key.value or 'null'} is not text to YAML: quote it")
            if key.value in lines:
                there = lines[key.value]
                raise _misleading(key, f"the key '{key.value}' stands in line {there} already: merge the two")
            lines[key.value] = _line(key)
            self.node(value)

    def scalar(self, node: yaml.ScalarNode) -> None:
        tag, value = node.tag, node.value
        if tag == f"{TAG}str":
            return
        if tag != self.loader.resolve(yaml.ScalarNode, value, (not node.style, bool(node.style))):
            raise _misleading(node, f"the tag {tag} has no meaning here: remove it")
        if tag == f"{TAG}bool" and value.lower() not in ("true", "false"):
            meant = "true" if value.lower() in ("yes", "on") else "false"
            raise _misleading(node, f"{value} is {meant} to YAML: quote it, or write {meant}")
        # Python refuses to print numbers with thousands of digits, which YAML can read if they are hexadecimal.
        if tag == f"{TAG}int" and len(value) > LONGEST:
            raise _misleading(node, f"{value[:20]}… has {len(value):,} digits: write a shorter number, or quote it")
        if tag == f"{TAG}int" and re.match(r"[-+]?0[\d_]", value):
            raise _misleading(node, f"{value} is an octal number to YAML: leave out the leading 0, or quote it")
        if tag in (f"{TAG}int", f"{TAG}float") and ":" in value:
            raise _misleading(node, f"{value} is a number of base 60 to YAML: quote it")
        if tag not in PLAIN:
            raise _misleading(node, f"{value} is a {tag.removeprefix(TAG)} to YAML: quote it")


def _misleading(node: yaml.Node, problem: str) -> Misleading:
    return Misleading(problem, _line(node))


def _line(node: Any) -> int:
    """The line of a node, counted from 1."""
    return int(node.start_mark.line) + 1
