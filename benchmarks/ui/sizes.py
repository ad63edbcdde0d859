"""How many bytes the dashboard's page and each of its screens ask for: `python -m benchmarks.ui.sizes`.

Entry: every script that index.html names, and the application that it begins. Route: what a screen's chunk and the
chunks that it imports add to the entry. Sizes are of gzip at level 9, as a static server would keep them.
"""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

from benchmarks.results import keep

BUILT = Path(__file__).parents[2] / "src/sightloop/_ui"
ENTRY_KB, ROUTE_KB = 150, 80


def main() -> int:
    """Exit status: 0 where all stay within budget, 1 otherwise."""
    scripts = {path.name: path.read_text() for path in (BUILT / "assets").glob("*.js")}
    sizes = {name: len(gzip.compress(text.encode(), 9, mtime=0)) / 1000 for name, text in scripts.items()}
    app = " ".join(json.loads((BUILT / "screens.json").read_text())["app"])
    entry = _closure(re.findall(r"assets/([^\" ]+\.js)", (BUILT / "index.html").read_text() + app), scripts)
    routes = {}
    for name in sorted(scripts):
        added = _closure([name], scripts) - entry
        if added:
            routes[name.rsplit("-", 1)[0]] = round(sum(sizes[one] for one in added), 1)
    entry_kb = round(sum(sizes[name] for name in entry), 1)
    worst = max(routes.values(), default=0)
    print(f"entry {entry_kb} kB (budget {ENTRY_KB}), largest route {worst} kB (budget {ROUTE_KB})")
    for name, size in sorted(routes.items(), key=lambda one: -one[1]):
        print(f"{size:8.1f}  {name}")
    keep(
        "ui_sizes", {"entry_kb": entry_kb, "routes_kb": routes, "budget": {"entry_kb": ENTRY_KB, "route_kb": ROUTE_KB}}
    )
    return 0 if entry_kb <= ENTRY_KB and worst <= ROUTE_KB else 1


def _closure(names: list[str], scripts: dict[str, str]) -> set[str]:
    """These chunks and all that they import at once; what they may import later is not in it."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in scripts and name not in found:
            found.add(name)
            waiting += re.findall(r"(?:from|import)\s*[\"']\./([^\"']+\.js)[\"']", scripts[name])
    return found


if __name__ == "__main__":
    raise SystemExit(main())
