"""Backbones, one file each, found by name: `build(channels)` gives a module with `feature_dim`.

One with batch norm says `ONE_PIXEL`, the largest side of images of which a map is a single pixel in the end: batch
norm cannot learn from one such image.

One that ends in global average pooling has a method `maps` of images [B, C, H, W] to the maps [B, D, h, w] that it
pools.
"""
