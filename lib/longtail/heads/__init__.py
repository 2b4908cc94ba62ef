"""Heads, the classifiers on top of a backbone: one file per head, found by its name.

`build(settings, features, classes)` returns a module from features [B, features] to logits [B, classes], with
initialised parameters. Parameters that the module's attribute `undecayed` names have no weight decay. A head that
needs the whole batch in training declares `WHOLE_BATCHES = True`.

Methods on a finished network (`stage2`, `post_hoc`) require a linear head, which declares `LINEAR = True`.
"""
