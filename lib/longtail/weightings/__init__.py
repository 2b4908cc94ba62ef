"""How much an image counts in the loss, one file each, found by name.

`build(settings, counts)` gives a function of labels [B] to weights [B]; the loss of a batch is the plain mean of
weight times loss.
"""
