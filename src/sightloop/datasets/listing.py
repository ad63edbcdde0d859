"""What a source holds, page by page: each page is one durable step, and no more than a page is in memory.

A standing source is compared with what was seen of it: only what is new or changed goes on, and what is gone is told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any, Final

from sightloop.datasets.credentials import Credentials
from sightloop.datasets.manifests import NAMES, read_manifest
from sightloop.datasets.merkle import canonical
from sightloop.datasets.pushes import Inbox
from sightloop.datasets.quarantine import Quarantine
from sightloop.datasets.seen import Seen
from sightloop.datasets.sources import Entry, Sources, is_sidecar
from sightloop.datasets.staging import Staging
from sightloop.datasets.transforms import KIND
from sightloop.domain import Caller
from sightloop.events import EgressGate, Events
from sightloop.storage import Records, Stores

PAGE: Final = 4096
UNREAD: Final = frozenset({"forbidden", "unreadable"})


@dataclass(frozen=True, slots=True)
class ListedPage:
    """A page to look at: its entries, which of them had another tag before, and the names that have gone."""

    entries: tuple[Entry, ...]
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class Lister:
    """Lists one source for one pass of a run; it goes on where the page before ended, also after a restart.

    Args:
        tracked: the id of the standing source, empty for one that is ingested once.
    """

    def __init__(self, listing: Listing, caller: Caller, source: Mapping[str, Any], tracked: str) -> None:
        self._of = listing
        self._caller = caller
        self._source = source
        self.tracked = tracked
        self.kind = source["kind"]
        self._stands_at = ""
        self._walk: Iterator[Entry] | None = None

    def look(self, key: Caller, after: str) -> dict[str, Any]:
        """One look further, as JSON: staged `pages`, counts, where the next look starts `after`, whether it is `done`.

        An archive is looked at whole: one that is damaged at its end is refused before any of it is taken in.
        """
        if self._walk is None or self._stands_at != after:
            self._walk = self._of.walk(self._caller, self._source, after)
        told: dict[str, Any] = {"listed": 0, "skipped": 0, "unchanged": 0, "changed": 0, "removed": 0, "manifest": ""}
        pages: list[str] = []
        done = False
        while not done:
            listed = list(islice(self._walk, PAGE))
            done = len(listed) < PAGE
            media = [one for one in listed if not is_sidecar(one.name, self._source)]
            told["skipped"] += len(listed) - len(media)
            told["listed"] += len(media)
            for one in listed:
                if one.name in NAMES and one.digest:
                    told["manifest"] = one.digest
            page = self._compared(media, after, None if done else listed[-1].name)
            after = listed[-1].name if listed else after
            told["unchanged"] += len(media) - len(page.entries)
            told["changed"] += len(page.changed)
            told["removed"] += len(page.removed)
            if page.entries or page.removed:
                pages.append(self._of.stage(key.keyed("page", key.idempotency_key or "", str(len(pages))), page))
            if self._source["kind"] != "archive":
                break
        self._stands_at = after
        return {**told, "pages": pages, "after": after, "done": done}

    def _compared(self, media: Sequence[Entry], after: str, last: str | None) -> ListedPage:
        """Those that are new or changed, and what is gone: missing from its place, and not there when asked for.

        Not every store lists in order of names (SeaweedFS puts "a/x" before "a-b"), so that a name may come elsewhere.
        """
        if not self.tracked or self._source["kind"] == "push":
            return ListedPage(tuple(media))
        names = [after, *(one.name for one in media)]
        in_order = all(a < b for a, b in pairwise(names))
        seen = self._of.seen
        known = (
            seen.between(self._caller, self.tracked, after, last)
            if in_order
            else seen.named(self._caller, self.tracked, names[1:])
        )
        missing = sorted(set(known) - set(names)) if in_order else []
        gone = self._of.sources.gone(self._caller, self._source, missing)
        fresh = [one for one in media if known.get(one.name) != one.etag]
        return ListedPage(tuple(fresh), tuple(one.name for one in fresh if one.name in known), tuple(gone))


class Listing:
    """Makes listers, and keeps their pages.

    Attributes:
        credentials: of the stores that sources lie in. sources: list and read each kind. seen: of standing sources.
        inbox: what was pushed and waits, `push_limit` at most in each source. nameless: a medium under pseudonyms.

    Args:
        derived: the entries of what a transform makes of samples, after one of that name.
    """

    def __init__(
        self,
        records: Records,
        stores: Stores,
        events: Events,
        staging: Staging,
        quarantine: Quarantine,
        gate: EgressGate,
        push_limit: int,
        nameless: Callable[[Caller, bytes], bytes],
        derived: Callable[[Caller, Mapping[str, Any], str], Iterator[Entry]],
    ) -> None:
        self._stores = stores
        self.staging = staging
        self.quarantine = quarantine
        self.credentials = Credentials(records, stores, events, gate.egress)
        self.sources = Sources(stores, self.credentials, gate, nameless)
        self.nameless = nameless
        self._derived = derived
        self.seen = Seen(records, stores, events)
        self.inbox = Inbox(records, events, staging, push_limit)

    def lister(self, caller: Caller, source: Mapping[str, Any], tracked: str) -> Lister:
        return Lister(self, caller, source, tracked)

    def walk(self, caller: Caller, source: Mapping[str, Any], after: str) -> Iterator[Entry]:
        """Every entry after the one of that name."""
        if source["kind"] == "quarantine":
            return iter(() if after else self.quarantine.entries(caller, source["ids"]))
        if source["kind"] == KIND:
            return self._derived(caller, source, after)
        if source["kind"] == "push":
            return iter(() if after else self.inbox.entries(caller, source["id"], PAGE - 1))
        return self.sources.walk(caller, source, after)

    def manifest(self, caller: Caller, source: Mapping[str, Any], packed: str) -> dict[str, dict[str, Any]]:
        """What the source's manifest says by name; `packed` is the blob of one that an archive held."""
        if packed:
            data = self._stores.workspace(caller.workspace).blobs.get(packed)
            return read_manifest(NAMES[0] if data[:1] not in (b"{", b"[") else NAMES[1], data)
        return self.sources.manifest(caller, source)

    def stage(self, caller: Caller, page: ListedPage) -> str:
        """The digest of the page, kept for the steps that follow."""
        entries = [one.packed() for one in page.entries]
        packed = canonical({"entries": entries, "changed": page.changed, "removed": page.removed})
        return self.staging.put(caller, "listing", packed.encode())

    def page(self, caller: Caller, digest: str) -> ListedPage:
        """The page under a digest."""
        found = json.loads(self._stores.workspace(caller.workspace).blobs.get(digest))
        entries = tuple(Entry(**one) for one in found["entries"])
        return ListedPage(entries, tuple(found["changed"]), tuple(found["removed"]))

    def settle(
        self, caller: Caller, source: Mapping[str, Any], tracked: str, page: ListedPage, unread: Sequence[str]
    ) -> dict[str, Any]:
        """Returns once what was looked at is not looked at again; what could not be read is."""
        if source["kind"] == "push":
            self.inbox.clear(caller, source["id"], [one.key for one in page.entries])
        else:
            left = set(unread)
            tags = {one.name: one.etag for one in page.entries if one.name not in left}
            changed = {name: tags.pop(name) for name in page.changed if name in tags}
            self.seen.record(caller, tracked, tags, changed, page.removed)
        return {}
