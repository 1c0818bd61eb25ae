"""What is measured: one registry of every measure, with its numerator, denominator and window."""
