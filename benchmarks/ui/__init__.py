"""What the dashboard costs in a browser.

CPU time of the main thread rather than frames a second: it says the same on a busy machine.
"""
