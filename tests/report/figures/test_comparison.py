import pytest

from longtail.report.figures._diagrams import pool
from longtail.report.figures.comparison import pooled, small_print


def score(top1, ece, counts, accuracy, confidence):
    bins = {"edges": [0, 0.5, 1], "count": counts, "accuracy": accuracy, "confidence": confidence}
    return {"top1": top1, "ece": ece, "signed_gap": ece, "bins": bins}


def test_bins_are_weighted_by_images_and_scores_are_means() -> None:
    one = score(0.6, 0.1, [0, 10], [None, 0.5], [None, 0.9])
    two = score(0.8, 0.3, [10, 30], [0.2, 0.9], [0.4, 0.7])
    mean = pool([one, two])
    assert mean["n"] == 2
    assert mean["top1"] == pytest.approx(0.7)
    assert mean["ece_sd"] == pytest.approx(0.2 / 2**0.5)
    assert mean["bins"]["count"] == [10, 40]
    assert mean["bins"]["accuracy"] == pytest.approx([0.2, 0.8])
    assert mean["bins"]["confidence"] == pytest.approx([0.4, 0.75])


def test_one_run_has_no_deviation_and_an_empty_bin_stays_empty() -> None:
    mean = pool([score(0.6, 0.1, [0, 10], [None, 0.5], [None, 0.9])])
    assert mean["top1_sd"] is None
    assert mean["bins"]["accuracy"] == [None, 0.5]


def test_panels_without_runs_are_left_out() -> None:
    one = score(0.6, 0.1, [0, 10], [None, 0.5], [None, 0.9])
    panels = [
        {"label": "CE", "runs": ["a"], "printed": {"top1": 72.3}, "calibration": None},
        {"label": "LDAM", "runs": [], "printed": {}, "calibration": "by a sigmoid"},
    ]
    [(label, mean, printed)] = pooled({"panels": panels, "bins": None}, {"a": {"last": one}})
    assert (label, mean["top1"], printed) == ("CE", 0.6, {"top1": 72.3})


def test_a_figure_with_bins_of_its_own_shows_those_and_their_ece() -> None:
    runs = {}
    for run, ece in (("a", 0.2), ("b", 0.3)):
        own = score(0.6, 0.1, [0, 10], [None, 0.5], [None, 0.9])
        one = {"ece": ece, "bins": {"edges": [0, 1], "count": [10], "accuracy": [0.5], "confidence": [0.9]}}
        runs[run] = {"last": own | {"diagrams": {"1": one}}}
    panels = [{"label": "CE", "runs": ["a", "b"], "printed": {}, "calibration": None}]
    [(_, own, _)] = pooled({"panels": panels, "bins": None}, runs)
    [(_, mean, _)] = pooled({"panels": panels, "bins": 1}, runs)
    assert (own["ece"], own["bins"]["count"]) == (pytest.approx(0.1), [0, 20])
    assert mean["ece"] == pytest.approx(0.25)
    assert mean["ece_sd"] == pytest.approx(0.1 / 2**0.5)
    assert mean["bins"] == {"edges": [0, 1], "count": [20], "accuracy": [0.5], "confidence": [0.9]}
    assert mean["top1"] == own["top1"]


def test_panels_of_other_probabilities_have_a_dagger_and_the_foot_says_why() -> None:
    one = score(0.6, 0.1, [0, 10], [None, 0.5], [None, 0.9])
    texts = {"CE": None, "Focal": "by a sigmoid", "LDAM": "of a cosine head", "CB": "by a sigmoid"}
    panels = [{"label": k, "runs": ["a"], "printed": {}, "calibration": text} for k, text in texts.items()]
    panels.append({"label": "TDE", "runs": [], "printed": {}, "calibration": "as it will be"})
    layout = {"panels": panels, "bins": None, "source": "", "seeds": [0]}
    labels = [label for label, _, _ in pooled(layout, {"a": {"last": one}})]
    assert labels == ["CE", "Focal†", "LDAM†", "CB†"]
    assert small_print(layout, []).startswith(
        "† Focal, CB: by a sigmoid. † LDAM: of a cosine head. n = 1 run a method"
    )
