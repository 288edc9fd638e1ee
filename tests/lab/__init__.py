"""Tests of the package between real hosts."""
