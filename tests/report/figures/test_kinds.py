"""What every kind of figure must offer, and what it must not load."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from longtail.config import load
from longtail.report import style
from longtail.runtime import parts
from longtail.runtime.fingerprint import reached

PACKAGE = "report.figures"
KINDS = parts.names(PACKAGE)
LOADED_WHERE_DRAWN = ("matplotlib", "pandas", "seaborn", "torch")


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_what_its_rule_asks_for(kind: str) -> None:
    for name in ("CATEGORY", "MESSAGE", "CAPTION"):
        assert isinstance(parts.literal(PACKAGE, kind, name, None), str), name
    part = parts.find(PACKAGE, kind)
    assert list(inspect.signature(part.layout).parameters) == list(inspect.signature(part.inputs).parameters)
    assert list(inspect.signature(part.draw).parameters) == ["layout", "paths"]
    named = kind in load.figure_kinds()
    assert hasattr(part, "methods") == hasattr(part, "SETTINGS") == named


def test_snakemake_starts_without_what_draws() -> None:
    program = (
        "import sys; from longtail.runtime import parts; "
        f"[parts.find('{PACKAGE}', kind) for kind in {KINDS}]; "
        f"sys.exit(', '.join({{*sys.modules}} & {{*{LOADED_WHERE_DRAWN}}}) or 0)"
    )
    library = Path(style.__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", program], cwd=library, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_a_kind_that_is_edited_draws_its_own_figures_again_and_no_others() -> None:
    for kind in KINDS:
        code = {
            path.relative_to(parts.LIB).as_posix()
            for path in reached("draw", f"{PACKAGE}.{kind}")
            if parts.LIB in path.parents
        }
        assert [other for other in KINDS if f"report/figures/{other}.py" in code] == [kind]
        assert not {path for path in code if path.startswith(("config/", "graph/"))}
