"""What is read of a guest's definition and of a host's capabilities. Nothing here asks a host."""
