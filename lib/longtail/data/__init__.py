"""Stage `data`: from a source to arrays and the index list of a long-tailed subset."""
