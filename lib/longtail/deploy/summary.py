"""What a model is, in a few lines for a terminal."""

from longtail.deploy.card import Card, Inputs


def lines(card: Card) -> list[str]:
    """Method, data, accuracy and calibration of a model."""
    network = f"{card.method['label']} on {card.dataset['title']}, {card.backbone}, {card.selection} epoch"
    test = (
        f"{card.metrics['n_test']:,} test examples: top-1 {card.metrics['top1']:.1%}, ECE {card.metrics['ece']:.1%}"
    )
    if card.calibration.examples:
        test += f", {card.calibrated['ece']:.1%} with the temperature"
    checked = card.checked
    same = f"Its logits of {checked['examples']} test examples are those of the run"
    if not checked["examples"]:
        same = f"Its logits were not compared with those of the run: {checked['reason']}"
    elif checked["largest_difference"]:
        same += f", but for {checked['largest_difference']:.1g} at most"
    return [
        f"{network}: {len(card.classes):,} classes of {_taken(card.inputs)}",
        test,
        f"Probabilities are {card.calibration.sentence}",
        same,
        f"Licence of the data: {card.dataset['licence']}",
    ]


def _taken(inputs: Inputs) -> str:
    if inputs.form == "titles":
        return f"titles, {inputs.length} characters"
    width, height = inputs.fit or (inputs.center_crop, inputs.center_crop)
    return f"{'grey' if inputs.channels == 1 else 'colour'} images, {width} x {height}"
