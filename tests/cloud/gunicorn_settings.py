"""How gunicorn serves keystone, glance, placement and Nova's API. It reads this file by its path."""

import sys

# keystone parses the command line of the process that imports it.
sys.argv = sys.argv[:1]
worker_class = "gthread"
threads = 8
workers = 1
timeout = 120
# Clients ask every two seconds, which is when gunicorn by itself would just be closing the connection.
keepalive = 75
# It would be in the machine's home, one for all.
control_socket_disable = True
