"""Test logits to accuracy, calibration and their uncertainty: NumPy only, so a small job starts at once."""
