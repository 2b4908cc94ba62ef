"""The forms of data sets: one file per form, found by its name, so that a training depends only on its own form.

A form is a dataclass `Data` with the arrays of the training and the test split, and `form`, the name of its file.
`MARK`, a literal, names an array that no other form has, which identifies the form of a file of arrays.
`digests(indices)` are digests of the training examples at `indices` and of the test set (`data.content`).
"""
