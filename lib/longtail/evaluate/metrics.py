"""The metrics: for each an entry in `METRICS` and a function of the same name. A new metric is one of each.

The function takes the test predictions of one network and returns a number, or None where there is nothing to
average. Its value stands in metrics.json under its name, and it can be shown wherever a table or a figure asks for
metrics. The first sentence of its docstring is its line in the handbook.

The entries have to be a literal, because the configuration reads them without importing this file. Keys of an entry:

- `label`: its name on every page and axis, at most seven letters for the cells of web pages;
- `unit`: "%" where the function returns a fraction, which is shown times 100; any other text is printed as it stands;
- `digits`: "tenths", "three figures" or "thousandths", on every page (`columns.DIGITS`);
- `better`: "higher" or "lower"; left out where neither is, and then no claim can be about it;
- `needs`: "probabilities" where it reads the softmax, which means little where a method's logits are not trained by
  one (pages mark its numbers with a dagger); "class sizes" where it reads the training images per class;
- `under`: the key of metrics.json that it stands below, where that is not the top.
"""

from longtail.evaluate import calibration
from longtail.evaluate.predictions import Predictions

METRICS = {
    "top1": {"label": "Top-1", "unit": "%", "digits": "tenths", "better": "higher"},
    "ece": {"label": "ECE", "unit": "%", "digits": "three figures", "better": "lower", "needs": ["probabilities"]},
    "signed_gap": {"label": "Gap", "unit": "%", "digits": "three figures", "needs": ["probabilities"]},
    "mce": {"label": "MCE", "unit": "%", "digits": "three figures", "better": "lower", "needs": ["probabilities"]},
    "ace": {"label": "ACE", "unit": "%", "digits": "three figures", "better": "lower", "needs": ["probabilities"]},
    "cwece": {
        "label": "cwECE",
        "unit": "%",
        "digits": "three figures",
        "better": "lower",
        "needs": ["probabilities"],
    },
    "many": {
        "label": "Many",
        "unit": "%",
        "digits": "tenths",
        "better": "higher",
        "needs": ["class sizes"],
        "under": "groups",
    },
    "medium": {
        "label": "Medium",
        "unit": "%",
        "digits": "tenths",
        "better": "higher",
        "needs": ["class sizes"],
        "under": "groups",
    },
    "few": {
        "label": "Few",
        "unit": "%",
        "digits": "tenths",
        "better": "higher",
        "needs": ["class sizes"],
        "under": "groups",
    },
    "nll": {"label": "NLL", "unit": "nats", "digits": "thousandths", "better": "lower", "needs": ["probabilities"]},
    "brier": {
        "label": "Brier",
        "unit": "0..2",
        "digits": "thousandths",
        "better": "lower",
        "needs": ["probabilities"],
    },
}


def top1(predictions: Predictions) -> float:
    """Accuracy: the share of test images whose largest logit is the true class."""
    return float(predictions.correct.mean())


def ece(predictions: Predictions) -> float:
    """Expected calibration error over bins of equal width. Guo et al. 2017, section 2."""
    return calibration.expected_calibration_error(predictions.confidence, predictions.correct, predictions.bins)


def signed_gap(predictions: Predictions) -> float:
    """Mean confidence − accuracy: above 0 is over-confident, below 0 under-confident."""
    return calibration.signed_gap(predictions.confidence, predictions.correct)


def mce(predictions: Predictions) -> float:
    """Maximum calibration error: the largest gap of any bin. Guo et al. 2017, section 2."""
    return calibration.maximum_calibration_error(predictions.confidence, predictions.correct, predictions.bins)


def ace(predictions: Predictions) -> float:
    """Adaptive calibration error: as the ECE, over bins that hold equally many images. Nguyen & O'Connor 2015."""
    return calibration.adaptive_calibration_error(predictions.confidence, predictions.correct, predictions.bins)


def cwece(predictions: Predictions) -> float:
    """Class-wise ECE: the mean over classes of the ECE of the probability of that class. Kull et al. 2019."""
    return calibration.classwise_calibration_error(predictions.probabilities, predictions.labels, predictions.bins)


def many(predictions: Predictions) -> float | None:
    """Mean accuracy of the classes with more than 100 training images. LADC, Table 7."""
    return predictions.groups["many"]


def medium(predictions: Predictions) -> float | None:
    """Mean accuracy of the classes with 20 to 100 training images. LADC, Table 7."""
    return predictions.groups["medium"]


def few(predictions: Predictions) -> float | None:
    """Mean accuracy of the classes with fewer than 20 training images. LADC, Table 7."""
    return predictions.groups["few"]


def nll(predictions: Predictions) -> float:
    """Negative log-likelihood: the mean of −log p(true class), in nats."""
    return float(predictions.nll.mean())


def brier(predictions: Predictions) -> float:
    """Brier score: squared error of the probabilities, summed over classes, mean over images. Brier 1950."""
    return float(predictions.brier.mean())
