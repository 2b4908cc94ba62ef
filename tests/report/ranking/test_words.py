from collections.abc import Callable

import pytest

from longtail.report.ranking import words
from longtail.report.ranking.ranked import Ranked

Make = Callable[..., Ranked]


def verdicts(found: Ranked) -> dict[str, str]:
    return {name: words.verdict(found, standing) for name, standing in found.standings.items()}


def test_names_in_a_row() -> None:
    assert [words.listed(list("ABC")[:number]) for number in range(4)] == ["", "A", "A and B", "A, B and C"]


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0001, "p < 0.001"), (0.0449, "p = 0.045"), (0.04996, "p = 0.050"), (0.3, "p = 0.30"), (1.0, "p = 1.00")],
)
def test_p_values_as_text(p: float, text: str) -> None:
    assert words.p_value(p) == text


def test_what_is_distinguishable_and_what_is_not(make: Make) -> None:
    found = make([3.0, 2.95, -2.0], sizes=(60, 60, 40, 30))

    said = verdicts(found)["top1"]

    accuracy = found.standings["top1"]
    assert said.startswith("M1 is first by accuracy: 9")
    assert " It is not distinguishable from M0 (difference +" in said
    assert said.endswith(" M2 is worse.")
    assert (accuracy.ranks[0].low, accuracy.ranks[0].high) == (1, 2)
    first, *others = words.recommendation(found)
    assert first.startswith("Take M1: it is the most accurate, and ")
    assert others[0] == "M0 is not shown to be worse in either, so these runs do not decide between them."
    assert others[1] == "Of these, M0 needed least training."


def test_a_difference_has_its_sign_its_interval_and_the_digits_of_its_criterion(make: Make) -> None:
    found = make([3.0, -2.0])
    accuracy = found.standings["top1"]
    compared = accuracy.comparisons[0, 1]

    text = words.difference(accuracy.criterion, compared)

    low, value, high = (f"+{100 * end:.1f}" for end in (compared.low, compared.difference, compared.high))
    assert text == f"{value} [{low}, {high}]"
    assert verdicts(found)["top1"].endswith(
        f"Every other method is worse; the closest is M1 (difference {text}, p < 0.001)."
    )


def test_nothing_that_is_distinguishable_is_said_first(make: Make) -> None:
    found = make([1.0, 1.0, 1.0])

    assert words.recommendation(found)[0].startswith("These runs do not decide: no method is shown to be worse")
    assert " It is not distinguishable from any other method; the closest is M" in verdicts(found)["top1"]


def test_one_method_has_nothing_to_be_compared_with(make: Make) -> None:
    found = make([1.0])

    assert words.recommendation(found) == ["Only M0 has run, so there is nothing to compare it with."]
    assert verdicts(found)["top1"].startswith("M0 has accuracy ")
    assert "first method" not in " ".join(words.cautions(found))
    assert "Holm" not in " ".join(words.made(found))


def test_one_seed_is_said_to_say_nothing_of_other_trainings(make: Make) -> None:
    one, two = (" ".join(words.cautions(make([1.0, 2.0], seeds=seeds))) for seeds in ([0], [0, 1]))

    assert "Each method ran under one seed. Intervals and tests are over test images alone" in one
    assert "under one seed" not in two
    assert "Of the uncertainty in accuracy" in two


def test_a_method_with_fewer_seeds_is_named(make: Make) -> None:
    found = make([1.0, 2.0], seeds=[0, 1], without=[(1, 1)])

    assert "M1 ran under fewer seeds than others; pairs are compared on those they share." in words.cautions(found)


def test_two_methods_without_a_common_seed_are_not_compared(make: Make) -> None:
    found = make([2.0, 1.0], seeds=[0, 1], without=[(0, 1), (1, 0)])

    assert "M1 (no seed in common)" in verdicts(found)["top1"]


def test_few_test_images_and_classes_without_any_are_named(make: Make) -> None:
    said = words.cautions(make([1.0, 2.0], sizes=(12, 0, 3, 40)))

    assert "dog has no test images, so no number on this page says anything about it." in said
    assert any(text.startswith("1 of 3 classes has fewer than 10 test images.") for text in said)


def test_no_mistake_at_all_is_no_proof(make: Make) -> None:
    said = " ".join(words.cautions(make([30.0, 1.0], seeds=[0])))

    assert "M0 makes no mistake on the 38 test images" in said
    assert "an error rate of up to 7.9 % is possible" in said


def test_what_a_balanced_set_lacks_is_said(make: Make) -> None:
    found = make([1.0, 2.0], sizes=(9, 9), train=(50, 50), classes=("cat", "dog"), examples="titles")

    assert list(found.standings) == ["top1", "ece", "nll"]
    said = words.cautions(found)
    assert "All classes have equally many test titles (9), so balanced accuracy is accuracy." in said
    assert any("so there are no groups and no worst one" in text for text in said)
