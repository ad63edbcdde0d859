"""Measurements of this machine: each writes its figures into benchmarks/results."""
