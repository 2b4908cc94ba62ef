"""Helpers that all stages share: errors, job logs, atomic files, fingerprints."""
