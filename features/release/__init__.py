"""The release: one immutable, checksummed folder with everything that serving needs."""
