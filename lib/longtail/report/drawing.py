"""Draws one figure of any kind, and saves it."""

from collections.abc import Mapping
from typing import Any

from longtail.report import origin, style
from longtail.runtime import files, parts


def draw(kind: str, layout: Mapping[str, Any], inputs: Mapping[str, Any], outputs: Mapping[str, str]) -> None:
    """Draw a figure of a kind from its layout and its input files, which `graph.figures` provides.

    A figure of methods has small print that says where its numbers come from. Raises InputError as the kind does, and
    if a file cannot be read or written.
    """
    part = parts.find("report.figures", kind)
    drawn = part.draw(layout, inputs)
    small_print = ""
    if "provenance" in inputs:
        records = [files.read_json(path) for path in inputs["provenance"]]
        if hasattr(part, "small_print"):
            small_print = part.small_print(layout, records)
        else:
            small_print = origin.after(layout["source"], layout["seeds"], records)
    for form, figure in drawn.items() if isinstance(drawn, dict) else {"": drawn}.items():
        prefix = f"{form}_" if form else ""
        style.save(figure, outputs[f"{prefix}svg"], outputs[f"{prefix}png"], small_print)
