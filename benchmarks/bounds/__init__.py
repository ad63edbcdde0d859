"""Simulations of every bound that Sightloop claims, sound and broken on purpose: `python -m benchmarks.bounds`.

`make test` runs 300 trials of each, `make soak` and this benchmark 10,000.
"""
