"""What the rules say of scripts and conda environments."""

import re

from longtail.runtime.fingerprint import ROOT


def _said(rule: str, key: str) -> str:
    """The path that stands below `key:` in a rule, from the root of the project."""
    found = re.findall(rf'^    {key}:\n        "\.\./(\S+)"$', rule, re.MULTILINE)
    assert len(found) == 1, f"a rule without one {key}:\n{rule}"
    return str(found[0])


def _rules() -> list[str]:
    texts = [path.read_text() for path in sorted((ROOT / "rules").glob("*.smk"))]
    return [rule for text in texts for rule in re.split(r"^rule \w+:$", text, flags=re.MULTILINE)[1:]]


# The script and the environment of every rule.
SCRIPTS = [
    (_said(rule, "script").removeprefix("workflow_scripts/").removesuffix(".py"), _said(rule, "conda"))
    for rule in _rules()
]
