"""Is it synthetic? The detector and the joint verdict will live here; so far the floor is empty.

It learns from data sets on disk, whoever made them, and never imports `generate`.
"""
