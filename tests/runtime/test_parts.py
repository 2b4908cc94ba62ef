import subprocess
import sys
from pathlib import Path

import pytest

from longtail.losses import cross_entropy
from longtail.runtime import parts
from longtail.runtime.errors import InputError


def test_part_is_found_by_its_name() -> None:
    assert parts.find("losses", "cross_entropy") is cross_entropy
    assert parts.find("data.sources", "digits").__name__ == "longtail.data.sources.digits"


def test_names_are_the_files_of_a_package() -> None:
    assert {"cross_entropy", "label_aware_smoothing"} <= set(parts.names("losses"))
    assert {"cifar", "digits", "folder"} <= set(parts.names("data.sources"))
    assert parts.names("losses") == sorted(parts.names("losses"))
    assert "__init__" not in parts.names("losses")


def test_modules_beside_the_backbones_are_no_backbones() -> None:
    beside = {"__init__", "_branches", "_cast", "_fused_norm_relu", "_norm_relu", "_resnet", "_titles", "network"}
    assert {file.stem for file in (parts.LIB / "models").glob("*.py")} - set(parts.names("models")) == beside


@pytest.mark.parametrize("package", ["losses", "data.sources", "models", "heads", "weightings", "stage1.algorithms"])
def test_every_part_offers_what_its_kind_promises(package: str) -> None:
    offered = {"data.sources": "read", "stage1.algorithms": "Learner"}.get(package, "build")
    for name in parts.names(package):
        assert callable(getattr(parts.find(package, name), offered)), name


@pytest.mark.parametrize("name", ["crossentropy", "Cross_Entropy", "cross_entropie"])
def test_misspelt_part_brings_the_nearest(name: str) -> None:
    with pytest.raises(InputError, match=rf"longtail\.losses has no part '{name}': did you mean 'cross_entropy'\?"):
        parts.find("losses", name)


@pytest.mark.parametrize("name", ["", "__init__", "..smoothing", "../smoothing", "sources.digits"])
def test_only_parts_of_the_package_are_found(name: str) -> None:
    with pytest.raises(InputError, match=r"longtail\.losses has no part"):
        parts.find("losses", name)


def test_nearest_name() -> None:
    assert parts.nearest("mislass", ["crt", "mislas"]) == "did you mean 'mislas'? (known: crt, mislas)"
    assert parts.nearest("xyz", ["crt", "mislas"]) == "(known: crt, mislas)"
    assert parts.nearest("xyz", []) == "(known: none)"


def test_names_need_no_import() -> None:
    lib = str(Path(parts.__file__).parents[2])
    program = (
        "import sys; from longtail.runtime import parts; parts.names('losses'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": lib}, check=False).returncode == 0


def test_a_constant_is_read_without_importing_the_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "losses").mkdir()
    (tmp_path / "losses" / "mine.py").write_text(
        "import nowhere\nWHOLE_BATCHES = True\nWITHOUT = ['mixing']\nMADE = list('ab')\nTYPED: int = 3\n"
    )
    monkeypatch.setattr(parts, "LIB", tmp_path)
    assert parts.literal("losses", "mine", "WHOLE_BATCHES", False) is True
    assert parts.literal("losses", "mine", "WITHOUT", []) == ["mixing"]
    assert parts.literal("losses", "mine", "WORK", 1.5) == 1.5
    assert parts.settings("losses", "mine") == {}
    for constant in ("MADE", "TYPED"):
        with pytest.raises(InputError, match=rf"mine\.py: {constant} is not a literal: write its value out"):
            parts.literal("losses", "mine", constant, 1.5)


def test_functions_of_a_part_are_found_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "losses").mkdir()
    (tmp_path / "losses" / "mine.py").write_text("import nowhere\n\n\ndef side(settings):\n    return 1\n")
    monkeypatch.setattr(parts, "LIB", tmp_path)
    assert parts.defines("losses", "mine", "side")
    assert not parts.defines("losses", "mine", "channels")
