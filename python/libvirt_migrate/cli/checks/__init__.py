"""The checks before a migration, one file a subject; `run.py` has their order."""
