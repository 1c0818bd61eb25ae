"""Versioned changes of the database; `open_database` runs the ones that are missing."""
