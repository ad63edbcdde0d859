"""Worked examples: the product used for real, through its public doors."""
