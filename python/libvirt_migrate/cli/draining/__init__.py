"""What `drain` is made of: where each guest goes, and its move."""
