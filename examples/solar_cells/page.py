"""The page of the report: one self-contained file, light and dark, no script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
:root{color-scheme:light dark;--paper:#fbfaf7;--ink:#1d1f21;--soft:#6d7178;--line:#e3e0d8;--card:#fff;--machine:#2f6fde;
--person:#c76b16;--good:#2c8a57;--bad:#c23b3b}
@media(prefers-color-scheme:dark){:root{--paper:#16181b;--ink:#e9e7e2;--soft:#9a9fa8;--line:#2c3036;--card:#1d2024;
--machine:#7aa7ff;--person:#f0a35a;--good:#6ccf98;--bad:#ff8080}}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.55 system-ui,sans-serif}
main{max-width:960px;margin:0 auto;padding:40px 24px 80px}
h1{font-size:28px;letter-spacing:-.02em;margin:0}h2{font-size:19px;margin:44px 0 4px;letter-spacing:-.01em}
p{color:var(--soft);max-width:70ch;margin:4px 0 16px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(148px,1fr));gap:12px;margin-top:24px}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px}
.card b{display:block;font-size:19px;letter-spacing:-.03em;white-space:nowrap}.card span{display:block}
.card small{color:var(--soft)}
.strip{display:grid;grid-template-columns:repeat(auto-fill,minmax(84px,1fr));gap:8px;margin:12px 0}
figure{margin:0}figure img{width:100%;border-radius:6px;display:block}figcaption{font-size:11px;color:var(--soft)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;margin:12px 0;font-size:13px;font-variant-numeric:tabular-nums}
th{text-align:left;color:var(--soft);font-weight:500}th,td{padding:6px 12px 6px 0;border-bottom:1px solid var(--line)}
td{overflow-wrap:anywhere}
svg{width:100%;max-width:760px;height:auto;display:block;margin:12px 0}
svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg .tick{fill:var(--soft);font-size:11px}
svg .grid{stroke:var(--line)}svg .threshold{stroke:var(--bad);stroke-dasharray:5 4}svg .mark{stroke:var(--soft)}
svg .curve{fill:none;stroke:var(--machine);stroke-width:2}
svg .range{stroke-width:3;stroke-linecap:round}svg .v1{stroke:var(--soft);fill:var(--soft)}
svg .v2{stroke:var(--machine);fill:var(--machine)}
svg .bar.human{fill:var(--person)}svg .bar.auto{fill:var(--machine)}svg .inbar{fill:#fff;font-weight:600}
"""


def page(title: str, made: str, body: str) -> str:
    """A whole HTML document."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main><h1>{escape(title)}</h1>"
        f"<p>Made by <code>make demo</code>, {escape(made)}. Every figure stands in report.json.</p>{body}</main></body></html>\n"
    )


def section(title: str, text: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2><p>{escape(text)}</p>{body}</section>"


def card(value: str, name: str, note: str) -> str:
    return f'<div class="card"><b>{escape(value)}</b><span>{escape(name)}</span><small>{escape(note)}</small></div>'


def figure(source: str, text: str) -> str:
    return f'<figure><img src="{source}" alt="{escape(text)}"><figcaption>{escape(text)}</figcaption></figure>'


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
