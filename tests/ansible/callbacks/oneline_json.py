"""What each task returned, as an object a line: for the tests, which read it."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: oneline_json
type: stdout
short_description: the result of each task, an object a line
description: the result of each task, an object a line
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Prints them."""

    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "stdout", "oneline_json"

    def v2_runner_on_ok(self, result: Any) -> None:
        print(json.dumps(result._result), flush=True)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        print(json.dumps(result._result), flush=True)
