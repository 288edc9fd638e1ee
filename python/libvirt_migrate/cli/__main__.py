"""`python -m libvirt_migrate.cli`, the same as `libvirt-migrate`."""

import sys

from . import main

sys.exit(main())
