"""One file a recommender, all behind one protocol."""
