"""The matrix of releases: what is tried between hosts of each Debian release, and the page of it."""
