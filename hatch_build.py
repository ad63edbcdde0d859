"""A wheel without the dashboard is not built: its files are committed, so that nobody who installs needs Node.js."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DashboardIsBuilt(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard" and not Path(self.root, "src/sightloop/_ui/index.html").is_file():
            raise FileNotFoundError(
                "src/sightloop/_ui is missing: run 'make web' (Node.js 20.19 or newer), then build again."
            )
