import hashlib
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests import elsewhere, small

from longtail.data import arrays
from longtail.data.arrays import Files
from longtail.data.long_tail import Subset, cut
from longtail.runtime import files
from longtail.runtime.errors import InputError
from longtail.stage1 import imported

WHERE = "stage1 'digits/if10/resnet32/mixup/seed0'"


class Import:
    """A Stage 1 elsewhere and the job that takes it; both machines have the same digits."""

    def __init__(self, root: Path) -> None:
        data, self.subset = small.data()
        self.arrays = root / "arrays.npz"
        arrays.save(self.arrays, data)
        self.source = elsewhere.trained(root / "far" / "stage1", small.STAGE1, inputs=self.inputs())
        names = {"last": "last.pt", "best": "best.pt", "history": "history.csv", "provenance": "provenance.json"}
        self.here = root / "here" / "stage1"
        self.outputs = SimpleNamespace(**{name: str(self.here / file) for name, file in names.items()})

    def inputs(self) -> str:
        return self.subset.sha256 + files.sha256(self.arrays)

    def record(self, **changes: Any) -> None:
        """Change what the source says of itself, as if it had been trained so."""
        path = self.source / "provenance.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    def take(self, sha256: str = "", settings: dict[str, Any] = small.STAGE1, subset: Subset | None = None) -> None:
        given = {"source": str(self.source), "sha256": sha256 or imported.digest(self.source)}
        imported.take(given, settings, subset or self.subset, self.arrays, self.outputs, WHERE)

    def refused(self, **changes: Any) -> str:
        """The sentence; nothing must have been written."""
        with pytest.raises(InputError) as caught:
            self.take(**changes)
        assert not self.here.exists()
        return str(caught.value)


@pytest.fixture
def far(tmp_path: Path) -> Import:
    return Import(tmp_path)


def test_files_are_copied_and_the_record_says_from_where(far: Import) -> None:
    far.take()

    for name in ("last.pt", "best.pt", "history.csv"):
        assert (far.here / name).read_bytes() == (far.source / name).read_bytes()
    theirs, ours = (json.loads((folder / "provenance.json").read_text()) for folder in (far.source, far.here))
    assert ours.pop("imported") == {"source": str(far.source), "sha256": imported.digest(far.source)}
    assert ours == theirs
    assert sorted(path.name for path in far.here.iterdir()) == sorted(imported.FILES)


def test_the_hash_is_what_a_shell_computes(far: Import) -> None:
    command = "cat last.pt best.pt history.csv provenance.json | sha256sum"
    done = subprocess.run(command, shell=True, cwd=far.source, capture_output=True, text=True, check=True)

    assert imported.digest(far.source) == done.stdout.split()[0]


@pytest.mark.parametrize("name", imported.FILES)
def test_a_change_in_any_file_is_refused(far: Import, name: str) -> None:
    wanted = imported.digest(far.source)
    path = far.source / name
    content = path.read_bytes()
    # JSON that says the same in other bytes, or a file cut short.
    path.write_bytes(content + b"\n" if name == "provenance.json" else content[:-3])

    told = far.refused(sha256=wanted)

    assert told == (
        f"{WHERE}, key 'sha256': the files in {far.source} have {imported.digest(far.source)}, not {wanted}: "
        "transfer them again, or correct the key if they are the ones you mean"
    )


def test_other_settings_are_named_with_both_values(far: Import) -> None:
    recipe = {**small.RECIPE, "epochs": 9, "momentum": 0.5}

    told = far.refused(settings=small.changed(small.STAGE1, mixing=None, recipe=recipe))

    assert told == (
        f"{WHERE}: {far.source} was trained otherwise (mixing is not set there and null here; mixing.alpha is 1.0 "
        'there and not set here; mixing.name is "mixup" there and not set here; 2 more): configure it as there, or '
        "remove the line and it is trained here"
    )


def test_another_subset_is_refused(far: Import) -> None:
    labels = small.data()[0].train_labels
    other = cut(labels, 10, 10, seed=1, n_max=50)

    told = far.refused(subset=other)

    assert f"was trained on another subset (its index list has sha256 {far.subset.sha256[:8]}…, the one here " in told
    assert other.sha256[:8] in told


def test_other_images_are_refused(far: Import) -> None:
    data = small.data()[0]
    pixels = data.test_images.copy()
    pixels[0, 0, 0] ^= 1
    arrays.save(far.arrays, arrays.Arrays(**vars(data) | {"test_images": pixels}))

    assert "was trained on other images (arrays.npz has sha256 " in far.refused()


def test_images_in_files_may_lie_elsewhere_but_not_be_others(far: Import) -> None:
    names = np.array(["a.png"] * 199)
    far.record(inputs=far.subset.sha256 + hashlib.sha256(b"/far/data").hexdigest())
    labels = small.data()[0].train_labels[far.subset.indices]
    arrays.save(far.arrays, Files("/here/data", names, names, labels, labels, list("0123456789")))

    far.take()

    assert (far.here / "provenance.json").is_file()


def test_a_record_without_inputs_is_taken_as_it_is(far: Import) -> None:
    far.record(inputs="")

    far.take()

    assert (far.here / "provenance.json").is_file()


def test_what_differs_in_how_a_machine_computes_is_its_own_affair() -> None:
    compute = {"device": "cuda", "precision": "bfloat16", "threads": 8, "processes": 4, "capture": False}
    other = small.changed(small.STAGE1, compute=small.COMPUTE | compute | {"deterministic": True})

    assert imported.difference(other, small.STAGE1) == ""


def test_parts_of_a_batch_are_part_of_the_result() -> None:
    other = small.changed(small.STAGE1, compute=small.COMPUTE | {"micro_batches": 4})

    assert imported.difference(other, small.STAGE1) == "compute.micro_batches is 4 there and 1 here"


def test_settings_compare_as_json_has_them() -> None:
    assert imported.difference({"a": [1, 2], "b": {}, "c": 1}, {"a": (1, 2), "b": {}, "c": 1.0}) == ""
    assert imported.difference({"b": {}}, {}) == "b is {} there and not set here"
    assert imported.difference({"b": None}, {}) == "b is null there and not set here"


@pytest.mark.parametrize("name", imported.FILES)
def test_a_missing_file_is_named(far: Import, name: str) -> None:
    (far.source / name).unlink()

    with pytest.raises(InputError) as caught:
        imported.record(far.source, WHERE)

    assert str(caught.value).startswith(f"{WHERE}, key 'source': {far.source} has no {name}: name the stage1 folder")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        imported.record(tmp_path / "nowhere", WHERE)

    assert str(caught.value) == f"{WHERE}, key 'source': there is no folder {tmp_path}/nowhere: correct the path"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"settings": ', "is not readable JSON (Expecting value: line 1 column 14 (char 13)): transfer it again"),
        ("[1]", "does not say the settings of the training: transfer it again"),
        (json.dumps(elsewhere.MACHINE | {"settings": 3}), "does not say the settings of the training: transfer it"),
        (json.dumps({"settings": {}, "code": "c0de"}), "does not say the commit of the training: transfer it again"),
    ],
)
def test_a_record_that_is_none_is_named(far: Import, text: str, told: str) -> None:
    (far.source / "provenance.json").write_text(text)

    with pytest.raises(InputError) as caught:
        imported.record(far.source, WHERE)

    assert str(caught.value).startswith(f"{WHERE}: {far.source}/provenance.json {told}")


@pytest.mark.parametrize("name", imported.CHECKPOINTS)
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_checkpoint_is_found_without_its_hash(far: Import, name: str, damage: str) -> None:
    imported.check_checkpoints(far.source, WHERE)
    path = far.source / name
    content = bytearray(path.read_bytes())
    at = content.index(np.float32([1.0 if name == "last.pt" else 2.0] * 3).tobytes())
    content[at] ^= 0xFF
    path.write_bytes(content if damage == "flipped" else content[: len(content) // 2])

    with pytest.raises(InputError, match=f"{path} is not a whole checkpoint .*: transfer it again"):
        imported.check_checkpoints(far.source, WHERE)
