"""Stage `stage1`: arrays become a backbone with its own classifier."""
