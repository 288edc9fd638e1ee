"""The tests in Python."""
