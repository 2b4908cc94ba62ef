from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.deploy.conftest import POST_HOC, STAGE2S
from tests.small import data, network_state

from longtail.deploy import export, model_file
from longtail.deploy import run as runs
from longtail.deploy.export import Facts
from longtail.engine import checkpoint
from longtail.engine.objective import INFERENCE_BATCH
from longtail.evaluate import protocols
from longtail.runtime import files, parts
from longtail.runtime.errors import InputError

# NumPy and PyTorch add up a float32 product of 64 numbers in different orders: post-hoc methods use NumPy.
ULPS = 2e-6


@pytest.mark.parametrize("selection", protocols.PROTOCOLS)
@pytest.mark.parametrize("method", ["ce", *STAGE2S, *POST_HOC])
def test_logits_are_those_of_the_run(
    exported: Callable[..., Any], seed_folder: Path, method: str, selection: str
) -> None:
    """In the run's batches the backbone gives the same bits."""
    model, images = exported(method, selection), torch.from_numpy(data()[0].test_images)
    stored = protocols.load(runs.find(seed_folder / method, selection).logits)[selection]

    with torch.inference_mode():
        logits = torch.cat([model(batch) for batch in images.split(INFERENCE_BATCH)]).numpy()

    np.testing.assert_allclose(logits, stored, rtol=0, atol=ULPS * np.abs(stored).max())
    if method not in POST_HOC:
        np.testing.assert_array_equal(logits, stored)


def test_every_post_hoc_method_gives_its_classifier() -> None:
    names = parts.names("stage2.post_hoc")

    assert set(names) == set(POST_HOC)
    assert all(parts.defines("stage2.post_hoc", name, "classifier") for name in names)


def test_the_card_says_what_the_model_is(exported: Callable[..., Any], seed_folder: Path) -> None:
    card = exported("mislas").card
    metrics = files.read_json(seed_folder / "mislas/metrics.json")["last"]

    assert card.run == "digits/if10/resnet32/ce/seed0/mislas"
    assert card.classes == tuple("0123456789")
    assert (card.metrics["top1"], card.metrics["ece"]) == (metrics["top1"], metrics["ece"])
    assert "bins" not in card.metrics
    assert card.provenance["stage2"]["settings"]["batch_norm"] == "frozen"
    assert card.provenance["export"]["versions"]["torch"] == torch.__version__.split("+")[0]
    assert card.checked == {"examples": 64, "largest_difference": 0.0}
    assert card.dataset["licence"] == "unknown"


def test_the_temperature_is_the_best_one_on_the_hold_out(exported: Callable[..., Any]) -> None:
    calibration = exported("mislas_shifted").card.calibration

    assert calibration.examples == 940  # at most 100 of each class, of those that the subset leaves out
    assert calibration.nll_after < calibration.nll_before
    assert calibration.word == f"temperature {calibration.temperature:.4g}"


def test_logits_that_say_nothing_get_no_temperature(exported: Callable[..., Any]) -> None:
    """After three epochs this network is right on one image in ten."""
    sentence = exported("ce").card.calibration.sentence

    assert sentence.startswith("plain softmax, not calibrated: no temperature between 1/100 and 100 is the best")


def test_without_a_hold_out_probabilities_are_a_plain_softmax(seed_folder: Path, tmp_path: Path) -> None:
    folder = copy(seed_folder, tmp_path)
    path = folder / "stage1/provenance.json"
    record = files.read_json(path)
    record["settings"]["algorithm"] = {"name": "mcw"}
    files.write_json(path, record)

    card = export.model(runs.find(folder / "ce", "last"), Facts()).card

    assert card.calibration.temperature == 1
    assert card.calibration.sentence.startswith("plain softmax, not calibrated: the algorithm mcw has learnt from")
    assert card.calibrated["ece"] == pytest.approx(card.metrics["ece"])


def test_files_of_two_runs_are_no_model(seed_folder: Path, tmp_path: Path) -> None:
    folder = copy(seed_folder, tmp_path)
    state = network_state()
    other = state | {"classifier.weight": state["classifier.weight"].roll(1, 0)}
    checkpoint.save(folder / "stage1/last.pt", other)

    with pytest.raises(InputError, match=r"differ by up to .* so the files are not of one run: make it again"):
        export.model(runs.find(folder / "ce", "last"), Facts())


def test_an_old_choice_does_not_say_what_made_it(seed_folder: Path, tmp_path: Path) -> None:
    folder = copy(seed_folder, tmp_path)
    path = folder / "tau_norm/choice.json"
    files.write_json(path, {key: value for key, value in files.read_json(path).items() if key != "post_hoc"})

    with pytest.raises(InputError, match=r"choice\.json does not say which method made it, .* delete it and run"):
        export.model(runs.find(folder / "tau_norm", "last"), Facts())


class TestFile:
    def test_equal_models_are_equal_bytes(
        self, exported: Callable[..., Any], model_file: Path, tmp_path: Path
    ) -> None:
        export.save(tmp_path / "again.safetensors", exported("mislas_shifted"))

        assert files.sha256(tmp_path / "again.safetensors") == files.sha256(model_file)

    def test_a_file_cut_short(self, model_file: Path, tmp_path: Path) -> None:
        (tmp_path / "short").write_bytes(model_file.read_bytes()[:-100])

        with pytest.raises(InputError, match=r"short is not a whole model \(.*\): export it again"):
            load(tmp_path / "short")

    def test_a_changed_byte(self, model_file: Path, tmp_path: Path) -> None:
        content = bytearray(model_file.read_bytes())
        content[-1] ^= 1
        (tmp_path / "changed").write_bytes(content)

        with pytest.raises(InputError, match=r"changed was changed after it was written"):
            load(tmp_path / "changed")

    @pytest.mark.parametrize(
        ("metadata", "sentence"),
        [
            (None, "is not a model that `longtail export` has written"),
            ({"longtail": '{"format": 9}'}, "has format 9, and this version reads 1: export the run again"),
        ],
    )
    def test_weights_of_others(self, tmp_path: Path, metadata: dict[str, str] | None, sentence: str) -> None:
        from safetensors.torch import save_file

        save_file({"weight": torch.zeros(2)}, tmp_path / "other", metadata)

        with pytest.raises(InputError, match=sentence):
            load(tmp_path / "other")

    def test_no_file_and_a_folder(self, tmp_path: Path) -> None:
        for path in (tmp_path, tmp_path / "none"):
            with pytest.raises(InputError, match=r"cannot read the model .*: correct its path"):
                load(path)


class TestFind:
    @pytest.mark.parametrize(
        ("path", "sentence"),
        [
            ("nothing", "there is no folder .*nothing: name that of a run, such as results/runs/"),
            ("..", "is not the folder of a run: name one such as results/runs/"),
            (".", "is not the folder of a single method: name one of ce, logit_adjustment, mislas, "),
            ("stage1", "is not the folder of a single method: name one of ce, "),
        ],
    )
    def test_folders_of_no_run(self, seed_folder: Path, path: str, sentence: str) -> None:
        with pytest.raises(InputError, match=sentence):
            runs.find(seed_folder / path, "last")

    def test_a_run_that_has_not_finished(self, seed_folder: Path, tmp_path: Path) -> None:
        folder = copy(seed_folder, tmp_path)
        (folder / "mislas/last.pt").unlink()

        with pytest.raises(InputError, match=r"mislas is not a finished run, since there is no \S*mislas/last\.pt: "):
            runs.find(folder / "mislas", "last")


def test_a_model_of_another_network_is_refused(exported: Callable[..., Any], tmp_path: Path) -> None:
    model = exported("ce")
    model_file.save(tmp_path / "m", replace(model.card, backbone="bbn_resnet32"), model.network.state_dict())

    with pytest.raises(InputError, match=r"does not fit the networks of this version of longtail \(.*\): export it"):
        load(tmp_path / "m")


def load(path: Path) -> Any:
    import longtail

    return longtail.load(path)


def copy(seed_folder: Path, folder: Path) -> Path:
    import shutil

    results = shutil.copytree(seed_folder.parents[5], folder / "results")
    return results / seed_folder.relative_to(seed_folder.parents[5])
