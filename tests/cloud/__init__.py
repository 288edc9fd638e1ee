"""A real OpenStack on one machine: two nova-computes in hosts of the lab, their services in a third."""
