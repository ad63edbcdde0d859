"""Who may call, where things come from, whether they can be recomputed, and whether the store is whole."""

from sightloop.governance.backup import Backup, Backups, restore_backup
from sightloop.governance.fsck import Fsck, FsckReport, stuck_runs, unfinished_runs
from sightloop.governance.identity import ApiKey, Identity, KeyHash
from sightloop.governance.lineage import Lineage, Standpoint
from sightloop.governance.replay import Replay, Replayed
from sightloop.governance.retention import Retention, Retired, Rule

__all__ = [
    "ApiKey",
    "Backup",
    "Backups",
    "Fsck",
    "FsckReport",
    "Identity",
    "KeyHash",
    "Lineage",
    "Replay",
    "Replayed",
    "Retention",
    "Retired",
    "Rule",
    "Standpoint",
    "restore_backup",
    "stuck_runs",
    "unfinished_runs",
]
