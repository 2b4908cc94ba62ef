import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.cli import parse_config

from longtail.config import command_line, load
from longtail.config.registry import CONFIG
from longtail.runtime.errors import InputError


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("seeds={runs: [0, 2], order: null}", {"seeds": {"runs": [0, 2], "order": None}}),
        ("compute={threads: 8, capture: false, device: cpu}",
         {"compute": {"threads": 8, "capture": False, "device": "cpu"}}),
        ("tables=[digits, own.yaml]", {"tables": ["digits", "own.yaml"]}),
        ("figures=[]", {"figures": []}),
        ("recipes={LDAM: {weight_decay: 2.0e-4, batches: ceil}}",
         {"recipes": {"LDAM": {"weight_decay": 2e-4, "batches": "ceil"}}}),
        ("datasets={x: {title: 'a: b', needs: '# x'}}", {"datasets": {"x": {"title": "a: b", "needs": "# x"}}}),
        ("missing_networks=leave_out", {"missing_networks": "leave_out"}),
    ],
)  # fmt: skip
def test_values_are_what_yaml_makes_of_them(typed: str, value: dict[str, Any]) -> None:
    assert command_line.typed(parse_config([typed])) == value


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (
            "seeds={runs: [010]}",
            "--config: 010 is an octal number to YAML: leave out the leading 0, or quote it, both in",
        ),
        ("datasets={x: {title: no}}", "--config: no is false to YAML: quote it, or write false, both in a file for"),
    ],
)
def test_a_value_that_yaml_misreads_is_refused(typed: str, sentence: str) -> None:
    with pytest.raises(InputError, match="^" + re.escape(sentence)):
        command_line.typed(parse_config([typed]))


def test_the_command_line_is_blamed_for_what_it_says_and_a_file_for_its_own(tmp_path: Path) -> None:
    mine, default = tmp_path / "mine.yaml", CONFIG / "config.yaml"
    mine.write_text("seeds: {runs: [-1]}\n")
    own = yaml.safe_load(mine.read_text())

    with pytest.raises(InputError, match=r"^\S*mine\.yaml: key 'seeds\.runs\.0' is -1"):
        load.load(own, [default, mine])
    with pytest.raises(InputError, match=r"^--config: key 'seeds\.runs\.0' is -1"):
        load.load(own, [default], own)
    threads = {"compute": {"threads": 0}}
    with pytest.raises(InputError, match=r"^--config: key 'compute\.threads' is 0"):
        load.load({**threads, "seeds": {"runs": [1]}}, [default, mine], threads)
