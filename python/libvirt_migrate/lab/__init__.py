"""Two real libvirt hosts in network namespaces of one machine, and real guests to move between them.

Needs root, and no more of the machine: nothing is left behind, however the lab ends.
"""

from .beats import Beats, Gap
from .errors import LabError
from .guest import LabGuest, Workload
from .host import Host
from .lab import Lab, down

__all__ = ["Beats", "Gap", "Host", "Lab", "LabError", "LabGuest", "Workload", "down"]
