"""The command `longtail`: its list of commands, and what it says of mistakes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from longtail.__main__ import main
from longtail.runtime import parts
from longtail.runtime.fingerprint import ROOT

HEAVY = ("torch", "pandas", "matplotlib", "seaborn", "scipy", "sklearn", "snakemake")


def test_help_lists_every_command_with_its_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])

    printed = capsys.readouterr().out
    for name in parts.names("commands"):
        line = (ROOT / "lib/longtail/commands" / f"{name}.py").read_text().split("\n")[0].strip('"')
        assert re.search(rf"^  {name} +{re.escape(line)}$", printed, re.MULTILINE)


@pytest.mark.parametrize("command", parts.names("commands"))
def test_each_has_a_help_of_its_own(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])

    assert capsys.readouterr().out.startswith(f"usage: longtail {command} ")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "error: the following arguments are required: COMMAND: see longtail --help\n"),
        (["plna"], "error: there is no command 'plna': did you mean 'plan'? (known: "),
        (["plan", "--cors", "3"], "error: unrecognized arguments: --cors 3: see longtail plan --help\n"),
    ],
)
def test_a_mistake_is_one_sentence(capsys: pytest.CaptureFixture[str], words: list[str], sentence: str) -> None:
    assert main(words) == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(sentence)
    assert printed.err.count("\n") == 1


def test_a_new_command_is_one_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "commands").mkdir()
    (tmp_path / "commands/hello.py").write_text('"""Greet."""\nimport torch_is_not_imported_for_help\n')
    monkeypatch.setattr(parts, "LIB", tmp_path)

    with pytest.raises(SystemExit, match="0"):
        main(["--help"])

    assert "  hello  Greet.\n" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--help"], ["plan"], ["progress"]])
def test_nothing_heavy_is_loaded(tmp_path: Path, words: list[str]) -> None:
    loaded = f"""
import sys
from longtail.__main__ import main
try:
    main({words})
except SystemExit:
    pass
print([name for name in {HEAVY} if name in sys.modules])
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "lib"), "PATH": "/nowhere"}
    done = subprocess.run(
        [sys.executable, "-c", loaded], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"
