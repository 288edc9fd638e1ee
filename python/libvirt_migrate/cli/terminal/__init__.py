"""Where the command writes, what it draws, and what a person's keys mean."""
