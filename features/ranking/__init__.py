"""Choosing the best N products from scores, used offline and online alike."""
