"""The commands, one file each; `dispatch.py` finds them by name."""
