import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests import elsewhere, small_settings
from tests.small_settings import plain

from longtail.runtime.errors import InputError
from longtail.stage1 import imported

STAGE1 = plain(small_settings.STAGE1)
WHERE = "stage1 'digits/if10/resnet32/mixup/seed0'"


class Import:
    """A Stage 1 elsewhere and the job that takes it; both machines have the same images."""

    def __init__(self, root: Path) -> None:
        self.source = elsewhere.trained(root / "far" / "stage1", STAGE1)
        names = {"last": "last.pt", "best": "best.pt", "history": "history.csv", "provenance": "provenance.json"}
        self.here = root / "here" / "stage1"
        self.outputs = SimpleNamespace(**{name: str(self.here / file) for name, file in names.items()})

    def record(self, **changes: Any) -> None:
        """Change what the source says of itself, as if it had been trained so."""
        path = self.source / "provenance.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    def take(
        self, sha256: str = "", settings: dict[str, Any] = STAGE1, seen: dict[str, str] = elsewhere.SEEN
    ) -> None:
        given = {"source": str(self.source), "sha256": sha256 or imported.digest(self.source)}
        imported.take(given, imported.check(given, settings, seen, WHERE), self.outputs)

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

    message = far.refused(sha256=wanted)

    assert message == (
        f"{WHERE}, key 'sha256': the files in {far.source} have {imported.digest(far.source)}, not {wanted}: "
        "transfer them again, or correct the key if they are the ones you mean"
    )


def test_other_settings_are_named_with_both_values(far: Import) -> None:
    recipe = STAGE1["recipe"] | {"epochs": 9, "momentum": 0.5}

    message = far.refused(settings=STAGE1 | {"mixing": None, "recipe": recipe})

    assert message == (
        f"{WHERE}: {far.source} was trained with other settings (mixing is not set there and null here; mixing."
        'alpha is 1.0 there and not set here; mixing.name is "mixup" there and not set here; 2 more): use the same '
        "settings here, or remove the line to train it here"
    )


@pytest.mark.parametrize("split", ["train", "test"])
def test_other_images_are_refused(far: Import, split: str) -> None:
    message = far.refused(seen=elsewhere.SEEN | {split: "0123456789"})

    assert message == (
        f"{WHERE}: {far.source} was trained on other images (their digest of {split} is "
        f"{elsewhere.SEEN[split][:8]}… there and 01234567… here): use the same data and seeds.subset, or remove the "
        "line to train it here"
    )


def test_images_in_files_are_compared_by_path_and_size(far: Import, caplog: pytest.LogCaptureFixture) -> None:
    by_files = {"by": "paths and sizes of files"} | elsewhere.SEEN

    assert "by pixels, but the data here are identified by paths and sizes of files" in far.refused(seen=by_files)

    far.record(images_seen=by_files)
    with caplog.at_level("INFO"):
        far.take(seen=by_files)
    assert "its images stay in files: only paths and sizes of files were compared" in caplog.text


def test_titles_must_start_from_the_same_vectors(far: Import) -> None:
    seen = elsewhere.SEEN | {"vectors": "ab" * 32}

    assert "(their digest of vectors is none… there and abababab… here)" in far.refused(seen=seen)


@pytest.mark.parametrize("seen", [None, {}, "d3d2f97c", {"train": 5}, {"train": "d3d2f97c", "test": None}])
def test_a_record_that_does_not_name_its_images_is_refused(far: Import, seen: Any) -> None:
    far.record(images_seen=seen)

    start = f"{WHERE}: {far.source}/provenance.json"
    assert far.refused() == f"{start} does not list in 'images_seen' the images that the network saw: train it here"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("settings", None),
        ("versions", "2.9"),
        ("accelerator", 1),
        ("seconds", "60"),
        ("commit", None),
        ("images", []),
    ],
)
def test_a_record_with_a_value_of_another_type_is_refused(far: Import, key: str, value: Any) -> None:
    far.record(**{key: value})

    message = f"{far.source}/provenance.json lacks the {key} of the training: transfer it again"
    assert far.refused() == f"{WHERE}: {message}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "not enough values"),
        ("epoch,learning_rate,loss,test_top1\n", "it has no epochs"),
        ("epoch,learning_rate,loss,test_top1\n1,0.1\n", "or not all of their columns"),
        ("epoch,loss\n1,2.5\n", "it lacks the column 'learning_rate'"),
        ("epoch,learning_rate,loss,test_top1\n1,0.1,2.5,best\n", "could not convert string to float: 'best'"),
        (b"\xff", "can't decode byte 0xff"),
    ],
)
def test_an_invalid_history_is_refused(far: Import, content: str | bytes, reason: str) -> None:
    (far.source / "history.csv").write_bytes(content.encode() if isinstance(content, str) else content)

    message = far.refused()

    assert message.startswith(f"{WHERE}: {far.source}/history.csv is not the history of a training (")
    assert reason in message
    assert message.endswith("): transfer it again")


def test_compute_settings_of_another_machine_may_differ() -> None:
    compute = {"device": "cuda", "precision": "bfloat16", "threads": 8, "processes": 4, "capture": False}
    other = STAGE1 | {"compute": STAGE1["compute"] | compute | {"deterministic": True, "fused": True}}

    assert imported.differences(other, STAGE1) == []


def test_parts_of_a_batch_are_part_of_the_result() -> None:
    other = STAGE1 | {"compute": STAGE1["compute"] | {"micro_batches": 4}}

    assert imported.differences(other, STAGE1) == ["compute.micro_batches is 4 there and 1 here"]


def test_invalid_settings_of_a_record_are_reported_as_a_difference() -> None:
    assert "compute is [1] there and not set here" in imported.differences({"compute": [1]}, STAGE1)


def test_settings_compare_as_json_has_them() -> None:
    assert imported.differences({"a": [1, 2], "b": {}, "c": 1}, {"a": (1, 2), "b": {}, "c": 1.0}) == []
    assert imported.differences({"b": {}}, {}) == ["b is {} there and not set here"]
    assert imported.differences({"b": None}, {}) == ["b is null there and not set here"]


@pytest.mark.parametrize("name", imported.FILES)
def test_a_missing_file_is_named(far: Import, name: str) -> None:
    (far.source / name).unlink()

    with pytest.raises(InputError) as caught:
        imported.read_record(far.source, WHERE)

    assert str(caught.value).startswith(f"{WHERE}, key 'source': {far.source} has no {name}: name the stage1 folder")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        imported.read_record(tmp_path / "nowhere", WHERE)

    assert str(caught.value) == f"{WHERE}, key 'source': there is no folder {tmp_path}/nowhere: correct the path"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"settings": ', "is not readable JSON (Expecting value: line 1 column 14 (char 13)): transfer it again"),
        ("[1]", "lacks the settings of the training: transfer it again"),
        (json.dumps(elsewhere.MACHINE | {"settings": 3}), "lacks the settings of the training: transfer it"),
        (json.dumps({"settings": {}, "code": "c0de"}), "lacks the commit of the training: transfer it again"),
    ],
)
def test_an_invalid_record_is_reported(far: Import, text: str, message: str) -> None:
    (far.source / "provenance.json").write_text(text)

    with pytest.raises(InputError) as caught:
        imported.read_record(far.source, WHERE)

    assert str(caught.value).startswith(f"{WHERE}: {far.source}/provenance.json {message}")


@pytest.mark.parametrize("name", imported.CHECKPOINTS)
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_checkpoint_is_detected_by_its_own_checksums(far: Import, name: str, damage: str) -> None:
    imported.check_checkpoints(far.source, WHERE)
    path = far.source / name
    content = bytearray(path.read_bytes())
    at = content.index(np.float32([1.0 if name == "last.pt" else 2.0] * 3).tobytes())
    content[at] ^= 0xFF
    path.write_bytes(content if damage == "flipped" else content[: len(content) // 2])

    with pytest.raises(InputError, match=f"{path} is not a whole checkpoint .*: transfer it again"):
        imported.check_checkpoints(far.source, WHERE)
