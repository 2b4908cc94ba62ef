import json
from pathlib import Path

from tests.report.figures.drawn import assert_nothing_is_cut_off

from longtail.report.figures import reliability_overview
from longtail.report.subjects import Method, RunFiles, Setting

BINS = {"edges": [0.0, 0.5, 1.0], "count": [2, 6], "accuracy": [0.2, 0.7], "confidence": [0.4, 0.8]}


def setting(folder: Path, errors: dict[str, list[float]]) -> Setting:
    """A setting whose methods have runs with these calibration errors; the last method has a dagger."""
    methods = []
    for label, values in errors.items():
        runs = []
        for seed, ece in enumerate(values):
            path = folder / f"{label}{seed}.json"
            path.write_text(json.dumps({"last": {"top1": 0.6, "ece": ece, "signed_gap": 0.1, "bins": BINS}}))
            runs.append(RunFiles(seed, str(path), "", "", "", (f"{label}{seed}/provenance.json",)))
        methods.append(Method(label, "by a sigmoid" if label == [*errors][-1] else None, {}, None, runs))
    return Setting("Toys, factor 50", "resnet32", "", [], [], methods)


def test_methods_are_pooled_over_seeds_and_the_best_calibrated_comes_first(tmp_path: Path) -> None:
    errors = {f"method {number:02}": [0.3 - 0.01 * number] for number in range(14)} | {"CB": [0.01, 0.03]}
    subject = setting(tmp_path, errors)
    layout, paths = reliability_overview.layout(subject), reliability_overview.inputs(subject)

    figure = reliability_overview.draw(layout, paths)

    assert_nothing_is_cut_off(figure)
    assert figure.get_suptitle() == "Reliability of all methods on Toys, factor 50, resnet32"
    assert [ax.get_title() for ax in figure.axes] == ["CB†", *sorted(errors, reverse=True)[:-1]]
    assert figure.axes[0].texts[0].get_text().split("\n")[1] == "ECE 2.00 ± 1.41 % over"
    assert figure.axes[0].get_subplotspec().get_gridspec().ncols == 5
    assert len(paths["provenance"]) == 16
    assert reliability_overview.small_print(layout, []).startswith("† CB: by a sigmoid. n = 1 to 2 runs a method")
