"""One row per customer as of a date, computed by SQL over the lake."""
