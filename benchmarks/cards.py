"""What the methods cards (docs/methods.md, "Costs") expect whole trainings to cost; none of it was measured here.

In U, the cost of one plain cross-entropy run of 200 epochs on the same set: passes through the network, counted by
hand from a method's own recipe (that of Remix+DRW has 300 epochs); a training step is three forward passes. A range
where the card gives one. One-stage methods that have no card, or a card without a cost, are not here.
"""

EXPECTED = {
    "balanced_softmax": "1",
    "bbn": "2",
    "cb": "1",
    "cb_focal": "1",
    "ce": "1",
    "ce_drs": "1",
    "ce_drw": "1",
    "focal": "1",
    "lade": "1.1",
    "ldam": "1",
    "ldam_drw": "1",
    "mcw_ldam": "1.6–2",
    "mixup": "1",
    "remix": "2",
    "remix_drw": "1.5",
    "smote": "1",
    "tde": "1.1",
}
