"""Answer a request within milliseconds, and never fall over."""
