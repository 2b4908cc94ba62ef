"""What every stage needs and none owns: errors, job logs, atomic files, fingerprints."""
