"""Measures everything: each suite returns figures with goals, and writes tables, contact sheets and JSON."""

SUITES = {
    name: f"benchmarks.{name}.suite"
    for name in ("tracker", "renderer", "speed", "desk", "motion", "credentials", "attacks", "detector", "wild",
                 "watermark", "generation")
}  # fmt: skip
"""Where each suite lives, in the order in which `all` runs them."""
