"""SQL: the one place that must never lose a row, and which release is live."""
