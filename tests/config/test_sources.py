"""What sources declare, and that nothing else knows their names."""

import re
import subprocess
import sys
from typing import Any

import pytest

from longtail.config import datasets, load, sources
from longtail.config.registry import Registry
from longtail.runtime import parts
from longtail.runtime.errors import InputError
from longtail.runtime.parts import LIB

HEAVY = {"torch", "torchvision", "PIL", "pandas", "matplotlib", "sklearn", "scipy"}


def test_importing_every_source_loads_nothing_heavy() -> None:
    """The Snakefile imports a source that has functions."""
    imports = "\n".join(f"import longtail.data.sources.{kind}" for kind in sources.kinds())
    program = f"import sys\n{imports}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(LIB.parent)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert set(done.stdout.split()) & HEAVY == set()


@pytest.mark.parametrize("package", ["config", "graph"])
def test_no_kind_is_known_by_name_outside_its_file(package: str) -> None:
    named = re.compile(rf"""["'](?:{"|".join(sources.kinds())})["']""")
    lines = [line for file in (LIB / package).glob("*.py") for line in file.read_text().splitlines()]

    # A path may lead to a folder; that a kind has this name too does not matter.
    assert [line for line in lines if named.search(line) and not line.startswith("FILE, FOLDER =")] == []


def test_what_is_always_the_same_is_a_literal_and_what_follows_from_settings_a_function(shipped: Registry) -> None:
    folder = load.load(
        {"datasets": {"birds": {"title": "B", "kind": "folder", "data_dir": "x", "image_size": 9}}}, []
    )
    birds, digits, cifar = folder.datasets["birds"], shipped.datasets["digits"], shipped.datasets["cifar100"]

    assert [sources.declared(data, "side", None) for data in (birds, digits, cifar)] == [9, 8, 32]
    assert [sources.declared(data, "channels", 3) for data in (birds, digits, cifar)] == [3, 1, 3]
    assert sources.declared(cifar, "class_sizes", None) == (500,) * 100
    # A function is not asked while a required key is lacking.
    assert sources.declared(birds | {"data_dir": None}, "side", None) is None


def test_a_source_of_images_says_what_side_they_have(shipped: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    literal = parts.literal
    monkeypatch.setattr(parts, "literal", lambda *a: None if a[2] == "SIDE" else literal(*a))

    with pytest.raises(InputError, match=r"data\.sources\.digits declares neither SIDE nor side\(settings\)"):
        datasets.check_place(shipped, "digits")


def test_a_setting_of_a_source_may_not_be_a_key_of_every_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[str, Any] = {"n_max": {"type": "integer", "description": "x"}}
    monkeypatch.setattr(parts, "settings", lambda package, name: taken if package == "data.sources" else {})

    with pytest.raises(InputError, match=r"data\.sources\.digits: SETTINGS has 'n_max', a key of every data set"):
        datasets.rules_of.__wrapped__("digits")
