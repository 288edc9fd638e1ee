"""Ansible's module for libvirt-migrate, which it runs with --json on the host of the task."""

from __future__ import annotations

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
---
module: libvirt_migrate
short_description: Move running guests between libvirt hosts
description:
  - Runs C(libvirt-migrate migrate), C(drain) or C(undrain) on the host of the task, which needs the command.
  - In check mode nothing is moved, and the checks are made (C(plan), or C(--dry-run)).
  - A drain of a host that has no guests changes nothing, and neither does an undrain where nobody comes back.
author: The libvirt-migrate maintainers
options:
  command:
    description: What is to be done.
    type: str
    choices: [migrate, drain, undrain]
    required: true
  guest:
    description: Name or uuid; of migrate.
    type: str
  source:
    description: The daemon that has the guest (migrate; libvirt's own default), that is emptied (drain), or
      to which guests come back (undrain).
    type: str
  to:
    description: Daemons that guests may go to; of migrate exactly one, of drain one or more.
    type: list
    elements: str
    default: []
  options:
    description: More options of the command, a word each, such as C(--deadline) and C(5m).
    type: list
    elements: str
    default: []
  executable:
    description: The command.
    type: str
    default: libvirt-migrate
attributes:
  check_mode:
    support: full
    description: Makes the checks and moves nothing.
"""

EXAMPLES = r"""
- name: Empty the host before it is serviced
  libvirt_migrate:
    command: drain
    source: qemu:///system
    to: ["qemu+ssh://host2/system", "qemu+ssh://host3/system"]
    options: ["--jobs", "2", "--deadline", "5m", "--set", "graphics.listen={host}"]
"""

RETURN = r"""
code:
  description: The command's exit code; C(libvirt-migrate --help) says what it means.
  returned: always
  type: int
moved:
  description: Names of the guests that were moved; in check mode of those that would be.
  returned: always
  type: list
left:
  description: Why a guest was not moved, by its name.
  returned: always
  type: dict
events:
  description: All that the command told, but for the progress (docs/json.md).
  returned: always
  type: list
"""

Event = dict[str, Any]


def words(given: dict[str, Any], *, check: bool) -> list[str]:
    """The command line. Raises ValueError for options that do not fit together."""
    name, to, source = given["command"], given["to"], given["source"]
    if name == "migrate":
        if not given["guest"] or len(to) != 1:
            raise ValueError("migrate needs guest, and to with one daemon")
        start = ["plan" if check else "migrate", given["guest"], to[0]]
        start += ["--from", source] if source else []
    else:
        if not source or given["guest"] or bool(to) != (name == "drain"):
            raise ValueError(
                f"{name} needs source{' and to' if name == 'drain' else ' and no to'}, and no guest"
            )
        start = [name, source, *(word for uri in to for word in ("--to", uri))]
        start += ["--dry-run"] if check else []
    return [given["executable"], *start, "--json", *given["options"]]


def told(output: str) -> list[Event]:
    """The objects that were printed; nothing else is there."""
    found: list[Event] = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [event for event in found if event["event"] != "progress"]


def summary(events: list[Event], *, check: bool) -> dict[str, Any]:
    """Who was moved, or would be, and who was left and why."""
    ends = [event for event in events if event["event"] == "end"]
    moved = [event["guest"] for event in ends if event["result"] == "moved"]
    left = {event["guest"]: event["message"] for event in ends if event["result"] != "moved"}
    for event in events:
        if event["event"] in ("rehearsed", "drained"):
            left.update(event["left"])
    if check:
        plans = [event["guest"] for event in events if event["event"] == "plan"]
        moved = [guest for guest in plans if guest not in left]
    return {"moved": moved, "left": left}


def main() -> None:
    """Runs the module."""
    text, texts = {"type": "str"}, {"type": "list", "elements": "str", "default": []}
    module = AnsibleModule(
        argument_spec={
            "command": {"type": "str", "choices": ["migrate", "drain", "undrain"], "required": True},
            "guest": text,
            "source": text,
            "to": texts,
            "options": texts,
            "executable": {"type": "str", "default": "libvirt-migrate"},
        },
        supports_check_mode=True,
    )
    try:
        command = words(module.params, check=module.check_mode)
    except ValueError as error:
        module.fail_json(msg=str(error))
    code, output, errors = module.run_command(command)
    events = told(output)
    result = {"code": code, "events": events, **summary(events, check=module.check_mode)}
    if code:
        result["moved"] = [] if module.check_mode else result["moved"]
        said = [
            event["message"] for event in events if event["event"] in ("error", "end") and event["message"]
        ]
        said += [f"{name}: {why}" for name, why in result["left"].items()]
        module.fail_json(msg="; ".join(said) or errors.strip() or f"it ended with {code}", **result)
    module.exit_json(changed=bool(result["moved"]), **result)


if __name__ == "__main__":
    main()
