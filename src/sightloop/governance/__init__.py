"""Who may call, where things come from, whether they can be recomputed, and whether the store is whole."""

from sightloop.governance.backup import Backups, restore_backup
from sightloop.governance.fsck import Fsck, FsckReport, stuck_runs, unfinished_runs
from sightloop.governance.identity import ApiKey, Identity, KeyHash
from sightloop.governance.lineage import Lineage
from sightloop.governance.replay import Replay
from sightloop.governance.retention import Retention, Rule

__all__ = [
    "ApiKey",
    "Backups",
    "Fsck",
    "FsckReport",
    "Identity",
    "KeyHash",
    "Lineage",
    "Replay",
    "Retention",
    "Rule",
    "restore_backup",
    "stuck_runs",
    "unfinished_runs",
]
