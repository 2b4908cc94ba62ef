"""Algorithms of Stage 1 with a step or a training set of their own: one file per algorithm, found by its name.

A part has a class `Learner`, a subclass of `stage1.learner.Stage1Learner`. It may declare `WITHOUT = [...]`, keys of
a `stage1` block that have no meaning with it; `WHOLE_BATCHES = True` if a batch cannot be split into parts;
`DEFERS = True` if it needs the recipe's `defer`; and `WORK`, the cost of a training step in steps of plain
cross-entropy, for plans.
"""
