"""Stage `data`: a source becomes uint8 arrays and the index list of a long-tailed subset."""
