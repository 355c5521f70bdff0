"""Bars as small SVG files, written by hand: no program is needed to make or to look at them."""

from __future__ import annotations

from html import escape

from tests.bench.figures import Bars

_ROW, _WIDTH, _TOP = 26, 420, 44
_LETTER = 6.6  # pixels, on average
_STYLE = (
    "text{font:13px sans-serif;fill:#222;paint-order:stroke;stroke:#fff;stroke-width:3px}"
    ".t{font-weight:bold}.b{fill:#4878a8}.q{stroke:#222}.a{stroke:#c33}"
)


def svg(plot: Bars) -> str:
    """Draw a plot."""
    left = 20 + _LETTER * max(len(label) for label, *_ in plot.bars)
    most = max([high for *_, high in plot.bars] + [plot.aim or 0]) or 1
    scale = _WIDTH / most
    height = _TOP + _ROW * len(plot.bars) + 26
    parts = [_text(10, 22, f"{plot.title} ({plot.unit})", "t")]
    if plot.aim is not None:
        x = left + plot.aim * scale
        parts += [_line("a", x, _TOP - 8, x, height - 22), _text(x, height - 8, f"aim {plot.aim:g}", "l", "middle")]
    for number, (label, value, low, high) in enumerate(plot.bars):
        y = _TOP + _ROW * number
        parts.append(_text(left - 8, y + 14, label, "l", "end"))
        parts.append(f'<rect class="b" x="{left}" y="{y}" width="{value * scale:.1f}" height="{_ROW - 8}"/>')
        middle = y + (_ROW - 8) / 2
        parts.append(_line("q", left + low * scale, middle, left + high * scale, middle))
        parts.append(_text(left + high * scale + 6, y + 14, _number(value)))
    box = f'width="{left + _WIDTH + 80:.0f}" height="{height}"'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" {box}><style>{_STYLE}</style>'
    return "\n".join([opening, '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>"]) + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _text(x: float, y: float, text: str, kind: str = "l", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'
