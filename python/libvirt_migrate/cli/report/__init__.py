"""`--report`: what is recorded of a migration, its page and its plot."""
