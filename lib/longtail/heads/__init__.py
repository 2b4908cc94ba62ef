"""Classifiers on top of a backbone, one file each, found by name.

`build(settings, features, classes)` gives a module of features [B, features] to logits [B, classes], with its
parameters drawn. Weight decay does not fall on the parameters that `undecayed`, an attribute of the module, names. A
head whose training looks at the whole batch says `WHOLE_BATCHES = True`.

What stands on a finished network (a `stage2`, a `post_hoc`) wants a linear head: those that say `LINEAR = True`.
"""
