"""Trainings with a step or a training set of their own, one file each, found by name.

A part offers `Learner`, a `stage1.learner.Stage1Learner` that differs where the algorithm does. It may say
`WITHOUT = [...]`, keys of a `stage1` block that have no meaning under it; `WHOLE_BATCHES = True` where a batch may
not be passed in parts; `DEFERS = True` where it needs the recipe's `defer`; and `WORK`, the cost of a training step
in steps of plain cross-entropy, for plans.
"""
