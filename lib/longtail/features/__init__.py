"""Stage `features`: what a Stage-1 network makes of every image, once, for all that stand on it."""
