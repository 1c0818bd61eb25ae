"""Redis: packed rows under release-bound keys, publishing, and the embedded server."""
