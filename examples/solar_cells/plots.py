"""The few plots of the report as plain SVG: no library, no script, readable in light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH = 640


def wealth_curve(values: Sequence[float], threshold: float, marks: Sequence[tuple[int, str]]) -> str:
    """Evidence over the stream: log10 of the wealth after each image, the threshold, and named places."""
    height, left, top, bottom = 220, 44, 28, 24
    span = max(len(values) - 1, 1)
    low, high = min(0.0, *values), max(threshold, *values) * 1.08 + 0.2

    def x(i: float) -> float:
        return left + i * (WIDTH - left - 16) / span

    def y(v: float) -> float:
        return top + (high - v) * (height - top - bottom) / (high - low)

    path = " ".join(f"{'M' if i == 0 else 'L'}{x(i):.1f},{y(v):.1f}" for i, v in enumerate(values))
    ticks = "".join(
        f'<text class="tick" x="{left - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{"1" if v == 0 else f"1e{v}"}</text>'
        f'<line class="grid" x1="{left}" x2="{WIDTH - 16}" y1="{y(v):.1f}" y2="{y(v):.1f}"/>'
        for v in range(int(low), int(high) + 1, max(1, int((high - low) / 5)))
    )
    flags = "".join(
        f'<line class="mark" x1="{x(i):.1f}" x2="{x(i):.1f}" y1="{top}" y2="{height - bottom}"/>'
        f'<text class="tick" x="{x(i) - 4:.1f}" y="{top - 8 - 11 * (k % 2)}" text-anchor="end">{escape(text)}</text>'
        for k, (i, text) in enumerate(marks)
    )
    line = f'<line class="threshold" x1="{left}" x2="{WIDTH - 16}" y1="{y(threshold):.1f}" y2="{y(threshold):.1f}"/>'
    foot = f'<text class="tick" x="{WIDTH - 16}" y="{height - 6}" text-anchor="end">images in order of arrival</text>'
    return _svg(
        height, f'{ticks}{line}{flags}<path class="curve" d="{path}"/>{foot}', "Evidence of drift over the stream"
    )


def intervals(
    rows: Sequence[tuple[str, float, float, float, str]], low: float, high: float, zero: float | None = None
) -> str:
    """A row for each (name, value, lower, upper, class): a dot with its interval on a common axis."""
    step, left = 34, 170
    height = step * len(rows) + 34

    def x(v: float) -> float:
        return left + (min(max(v, low), high) - low) * (WIDTH - left - 70) / (high - low)

    parts = []
    for k in range(6):
        v = low + k * (high - low) / 5
        parts.append(f'<line class="grid" x1="{x(v):.1f}" x2="{x(v):.1f}" y1="6" y2="{height - 24}"/>')
        parts.append(f'<text class="tick" x="{x(v):.1f}" y="{height - 8}" text-anchor="middle">{v:.2f}</text>')
    if zero is not None:
        parts.append(f'<line class="threshold" x1="{x(zero):.1f}" x2="{x(zero):.1f}" y1="6" y2="{height - 24}"/>')
    for i, (name, value, lower, upper, kind) in enumerate(rows):
        y = 24 + i * step
        parts.append(f'<text class="name" x="{left - 12}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<line class="range {kind}" x1="{x(lower):.1f}" x2="{x(upper):.1f}" y1="{y}" y2="{y}"/>')
        parts.append(f'<circle class="dot {kind}" cx="{x(value):.1f}" cy="{y}" r="5"/>')
        parts.append(f'<text class="tick" x="{WIDTH - 62}" y="{y + 4}">{value:+.3f}</text>' if zero is not None else
                     f'<text class="tick" x="{WIDTH - 62}" y="{y + 4}">{value:.3f}</text>')  # fmt: skip
    return _svg(height, "".join(parts), "Values with their intervals")


def shares(rows: Sequence[tuple[str, Sequence[tuple[str, int, str]]]]) -> str:
    """A stacked bar for each row: (name, [(part, count, class), ...])."""
    step, left = 46, 80
    height = step * len(rows) + 6
    parts = []
    for i, (name, pieces) in enumerate(rows):
        y, x = 8 + i * step, float(left)
        total = max(sum(count for _, count, _ in pieces), 1)
        parts.append(f'<text class="name" x="{left - 12}" y="{y + 20}" text-anchor="end">{escape(name)}</text>')
        for text, count, kind in pieces:
            width = count / total * (WIDTH - left - 16)
            parts.append(
                f'<rect class="bar {kind}" x="{x:.1f}" y="{y}" width="{max(width - 2, 0):.1f}" height="30" rx="3"/>'
            )
            if width > 90:
                parts.append(f'<text class="inbar" x="{x + 10:.1f}" y="{y + 20}">{count} {escape(text)}</text>')
            x += width
    return _svg(height, "".join(parts), "Who decided the labels")


def _svg(height: int, body: str, title: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img"><title>{escape(title)}</title>{body}</svg>'
