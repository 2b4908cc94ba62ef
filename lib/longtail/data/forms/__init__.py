"""The forms that a data set takes, one file each, found by name, so that a training depends on its own form alone.

A form is a dataclass `Data` with the arrays of the training and the test split, and `form`, the name of its file. The
field that `MARK`, a literal, names is an array that no other form has: by it a file of arrays is known.
`digests(indices)` names by content what a network sees that trains on these examples (`data.content`).
"""
