"""Stage `features`: features and logits of all images by a Stage-1 network, computed once for all methods on it."""
