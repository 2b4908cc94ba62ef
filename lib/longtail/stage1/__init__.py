"""Stage `stage1`: trains a backbone with its own classifier."""
