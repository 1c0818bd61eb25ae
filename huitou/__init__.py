"""The composition root: the command line and the demo, the only place that sees all rooms."""
