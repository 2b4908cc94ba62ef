import copy
import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.report import readers

from longtail.evaluate.paired import Estimate, Estimates
from longtail.report import claims, escapes
from longtail.report.render import TITLES

ORIGIN = ["Printed numbers: slide 1."]


def method(label: str, *seeds: int, needs: str | None = None, calibration: str | None = None) -> dict[str, Any]:
    runs = [{"seed": seed, "logits": f"runs/{label}/seed{seed}/logits.npz"} for seed in seeds]
    return {"label": label, "needs": needs, "calibration": calibration, "runs": runs}


def claim(words: str, metric: str, others: list[str], **printed: float) -> dict[str, Any]:
    return {"claim": words, "metric": metric, "better": "a", "than": others, "printed": printed}


TABLE: dict[str, Any] = {
    "name": "said",
    "title": "Said of toys & co",
    "source": "slide 1",
    "note": "",
    "setting": "Toys, factor 10, resnet32",
    "seeds": [0, 1],
    "methods": {
        "a": method("A_1", 0, 1),
        "b": method("B", 0, 1, 2, calibration="each logit by a sigmoid"),
        "c": method("C", 0),
        "d": method("D", needs="the D loss"),
        "e": method("E"),
        "f": method("F", 5),
    },
    "claims": [
        claim("A beats B", "top1", ["b"], better=82.0, than=70.25),
        claim("A beats all", "top1", ["b", "c", "d"], better=82.0),
        claim("A beats B and D", "top1", ["b", "d"], than=70.3),
        claim("A is calibrated best", "ece", ["b"], better=4.83, than=13.8),
        claim("A beats E and F", "ece", ["e", "f"]),
    ],
}
# Top-1 and ECE by label and seed, and how far the resamples of a label lie to both sides of its value.
VALUES = {"A_1": {0: (0.80, 0.05), 1: (0.82, 0.05)}, "B": {0: (0.70, 0.12), 1: (0.74, 0.16), 2: (0.99, 0.99)}}
VALUES |= {"C": {0: (0.85, 0.05)}, "F": {5: (0.1, 0.9)}}
SPREAD = {"A_1": 0.02, "B": 0.0, "C": 0.0, "F": 0.0}


@pytest.fixture
def estimates() -> Estimates:
    """Of the last epoch the values above, of the best one top-1 0.01 above them."""
    either_way = np.linspace(-1, 1, 41)  # of which the 2.5 % quantile is -0.95

    def of(metric: int, more: float) -> dict[str, Estimate]:
        return {
            f"runs/{label}/seed{seed}/logits.npz": Estimate(
                both[metric] + more, both[metric] + more + SPREAD[label] * either_way
            )
            for label, seeds in VALUES.items()
            for seed, both in seeds.items()
        }

    return {"last": {"top1": of(0, 0), "ece": of(1, 0)}, "best": {"top1": of(0, 0.01), "ece": of(1, 0)}}


@pytest.fixture
def numbers(estimates: Estimates) -> pd.DataFrame:
    return claims.frame(TABLE, estimates)


def line(numbers: pd.DataFrame, number: int, protocol: str = "last") -> pd.Series:
    chosen = numbers[(numbers["claim_number"] == number) & (numbers["protocol"] == protocol)]
    assert len(chosen) == 1
    return chosen.iloc[0]


def test_a_line_holds_both_methods_over_their_common_seeds_in_percent(numbers: pd.DataFrame) -> None:
    found = line(numbers, 0)
    assert (found["better"], found["than"]) == ("A_1", "B")
    assert (found["ours_better"], found["ours_than"], found["difference"]) == pytest.approx((81.0, 72.0, 9.0))
    assert (found["low"], found["high"]) == pytest.approx((9 - 1.9, 9 + 1.9))
    assert (found["n"], found["seeds"], found["verdict"]) == (2, "0 1", "holds")
    assert found["runs"].split() == [f"runs/{label}/seed{n}/logits.npz" for label in ("A_1", "B") for n in (0, 1)]
    assert line(numbers, 0, "best")["ours_better"] == pytest.approx(82.0)


def test_of_several_methods_the_closest_is_shown_and_one_that_is_ahead_refutes_the_claim(
    numbers: pd.DataFrame,
) -> None:
    found = line(numbers, 1)
    assert (found["than"], found["n"], found["seeds"]) == ("C", 1, "0")
    assert found["difference"] == pytest.approx(-5.0)
    assert (found["verdict"], found["against"], found["lacks"]) == ("does not hold", "C", "D needs the D loss")


def test_the_closest_calibration_error_is_the_lowest(estimates: Estimates) -> None:
    table = TABLE | {"claims": [claim("A is calibrated best", "ece", ["b", "c"])]}
    found = line(claims.frame(table, estimates), 0)
    assert (found["than"], found["verdict"], found["against"]) == ("C", "not shown", "C")


def test_a_claim_may_be_about_a_metric_in_another_unit(estimates: Estimates) -> None:
    table = TABLE | {"claims": [claim("A is surer of the truth", "nll", ["b"], better=1.5)]}
    of_nll = {path: Estimate(2 - top1.value, 2 - top1.drawn) for path, top1 in estimates["last"]["top1"].items()}
    numbers = claims.frame(table, {"last": {"nll": of_nll}, "best": {"nll": of_nll}})

    # The lower NLL of A is 2 - 0.81, that of B 2 - 0.72: no percent.
    assert line(numbers, 0)["verdict"] == "holds"
    page = claims.markdown(table, numbers, ORIGIN)
    assert (
        "| A is surer of the truth (NLL) | 1.500 vs – | A_1 1.190, B 1.280† | −0.090 [−0.109, −0.071] (2 seeds)"
        in page
    )
    assert "; NLL in nats, a lower NLL is better. Ours" in page
    assert "percentage points" not in page


def test_a_claim_is_not_shown_while_a_method_is_missing(numbers: pd.DataFrame) -> None:
    found = line(numbers, 2)
    assert (found["than"], found["difference"]) == ("B", pytest.approx(9.0))
    assert (found["verdict"], found["against"], found["lacks"]) == ("not shown", "", "D needs the D loss")
    found = line(numbers, 4)
    assert found[["than", "difference", "low", "n", "runs"]].isna().all()
    assert found["lacks"] == "no network of E; no network of F under a seed of A_1"


def test_a_better_method_without_a_run_is_missed_once(estimates: Estimates) -> None:
    table = copy.deepcopy(TABLE)
    table["claims"] = [claim("A beats B and C", "top1", ["b", "c"])]
    table["methods"]["a"]["runs"] = []
    assert line(claims.frame(table, estimates), 0)["lacks"] == "no network of A_1"


def test_every_seed_has_to_agree(estimates: Estimates) -> None:
    path = "runs/A_1/seed1/logits.npz"
    estimates["last"]["top1"][path] = Estimate(0.73, estimates["last"]["top1"][path].drawn)
    numbers = claims.frame(TABLE, estimates)
    assert (line(numbers, 0)["verdict"], line(numbers, 0, "best")["verdict"]) == ("not shown", "holds")


def test_markdown_has_a_grid_of_claims_for_each_protocol(numbers: pd.DataFrame) -> None:
    page = claims.markdown(TABLE, numbers, ORIGIN)
    last, best = page.split(f"## {TITLES['best']}")
    assert f"## {TITLES['last']}" in last
    assert (
        "| A beats B (Top-1) | 82.0 vs 70.25 | A_1 81.0, B 72.0 | +9.0 [+7.1, +10.9] (2 seeds) | holds |\n"
        "| A beats all (Top-1) | 82.0 vs – | A_1 80.0, C 85.0 | −5.0 [−6.9, −3.1] (1 seed) | "
        "does not hold against C; D needs the D loss |\n"
        "| A beats B and D (Top-1) | – vs 70.3 | A_1 81.0, B 72.0 | +9.0 [+7.1, +10.9] (2 seeds) | "
        "not shown: D needs the D loss |\n"
        "| A is calibrated best (ECE) | 4.83 vs 13.8 | A_1 5.00, B 14.0† | −9.00 [−10.9, −7.10] (2 seeds) | holds |\n"
        "| A beats E and F (ECE) | – | – | – | "
        "not shown: no network of E; no network of F under a seed of A_1 |\n"
    ) in last
    assert "| A beats B (Top-1) | 82.0 vs 70.25 | A_1 82.0, B 73.0 |" in best
    assert page.count("† B: each logit by a sigmoid.\n") == 1
    rows = [row for row in page.splitlines() if row.startswith("| ")]
    assert {row.count("|") for row in rows} == {len(claims.HEADS) + 1}


def test_the_page_says_what_the_interval_covers_and_where_numbers_come_from(numbers: pd.DataFrame) -> None:
    for form in (claims.markdown, claims.latex, claims.webpage):
        page = form(TABLE, numbers, ORIGIN)
        assert "The interval is the spread over test images with the networks fixed" in page
        assert "It says nothing of other trainings" in page
        assert "All on Toys, factor 10, resnet32; Top-1 and ECE in" in page
        assert ORIGIN[0] in page
    assert "\n\nA note.\n\n" in claims.markdown(TABLE | {"note": "A note."}, numbers, ORIGIN)


def test_latex_escapes_and_balances(numbers: pd.DataFrame) -> None:
    page = claims.latex(TABLE, numbers, ORIGIN)
    assert r"Said of toys \& co" in page
    assert (
        r"(ECE) & 4.83 vs 13.8 & A\_1 5.00, B 14.0\dag{} & $-$9.00 [$-$10.9, $-$7.10] (2 seeds) & holds \\"
    ) in page
    assert page.count(r"\begin{tabular}") == page.count(r"\end{tabular}") == 2
    assert page.count("{") == page.count("}")
    assert not set("−–†") & set(page)


def test_html_escapes_and_names_the_runs(numbers: pd.DataFrame) -> None:
    page = claims.webpage(TABLE, numbers, ORIGIN)
    assert "Said of toys &amp; co" in page
    assert "title='runs/A_1/seed0/logits.npz\nruns/C/seed0/logits.npz'>A_1 80.0, C 85.0</div>" in page
    assert page.count("<table>") == page.count("</table>") == 2
    assert page.count("<tr>") == page.count("</tr>") == 2 * (1 + len(TABLE["claims"]))
    assert page.count("<td>") == page.count("</td>") == 2 * 4 * len(TABLE["claims"])


def test_a_table_of_claims_that_all_wait_for_runs(estimates: Estimates) -> None:
    table = TABLE | {"claims": [TABLE["claims"][4]]}
    numbers = claims.frame(table, estimates)
    assert "| A beats E and F (ECE) | – | – | – | not shown: " in claims.markdown(table, numbers, ORIGIN)
    assert "†" not in claims.markdown(table, numbers, ORIGIN)
    assert pd.read_csv(io.StringIO(claims.csv(numbers)))["n"].isna().all()


def test_csv_reads_back_and_no_column_is_taken_for_a_method(numbers: pd.DataFrame) -> None:
    text = claims.csv(numbers)
    back = pd.read_csv(io.StringIO(text))
    assert list(back.columns) == claims.COLUMNS
    assert "method" not in back.columns  # by it the pages of methods find their numbers
    assert back["difference"].tolist() == pytest.approx(numbers["difference"].tolist(), nan_ok=True)
    assert text.splitlines()[1].startswith(
        "said,0,A beats B,top1,last,A_1,B,82.000000,70.250000,81.000000,72.000000,"
    )
    assert ",2,0 1,holds," in text.splitlines()[1]


@readers.every_text(10)
def test_every_text_is_shown(estimates: Estimates, text: str) -> None:
    shown = copy.deepcopy(TABLE) | {"title": text, "note": text}
    shown["methods"]["a"]["label"] = text
    shown["methods"]["b"]["calibration"] = text
    shown["methods"]["d"]["needs"] = text
    shown["claims"] = [shown["claims"][number] | {"claim": text} for number in (1, 3)]
    numbers = claims.frame(shown, estimates)
    ours = f"{text} 5.00, B 14.0†"

    pages = [
        readers.markdown(claims.markdown(shown, numbers, [text])),
        readers.html(claims.webpage(shown, numbers, [text])),
    ]
    for page in pages:
        assert page.count(text) >= 3  # title, note and origin
        assert {f"{text} (Top-1)", f"{text} (ECE)", ours, f"† B: {text.rstrip('.')}."} <= set(page)
        assert any(cell.endswith(f"D needs {text}") for cell in page)

    page = claims.latex(shown, numbers, [text])
    rows = [list(map(readers.latex, row)) for row in readers.latex_rows(page)]
    assert [row[0] for row in rows] == ["Claim", f"{text} (Top-1)", f"{text} (ECE)"] * 2
    assert rows[2][2] == ours
    assert page.count(rf"\caption{{{escapes.latex_text(text)}. ") == 2

    stored = pd.read_csv(io.StringIO(claims.csv(numbers)), dtype=str, keep_default_na=False)
    assert set(stored["claim"]) == set(stored["better"]) == {text}
