"""Fit recommenders, judge them on held-out weeks, promote the best."""
