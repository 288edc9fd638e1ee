"""Tests that need no lab and no daemon: objects in memory, and libvirt's test driver."""
