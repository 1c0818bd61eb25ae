"""A shop, its customers and its days, made up: an experiment over the real HTTP API whose truth is known."""
