"""Measures everything: each suite returns figures with goals, and writes tables, contact sheets and JSON."""
