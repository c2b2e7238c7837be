"""Benchmarks: each compares the product with what others would pick, side by side, in one run."""
