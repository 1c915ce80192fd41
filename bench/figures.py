# SPDX-License-Identifier: LGPL-2.1-or-later
# figures.py: statistics, tables and SVG plots of the benches.

import math

from xml.sax.saxutils import escape

FONT = 'font-family="DejaVu Sans, Verdana, sans-serif" font-size="13"'
COLOURS = ("#4878a8", "#c8803c", "#5c9a5c", "#8a63a8", "#a33b3b", "#777777")


def percentile(values, share):
    """The smallest of the values that share of them do not exceed."""
    values = sorted(values)
    return values[max(0, math.ceil(share * len(values)) - 1)]


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    if len(values) % 2:
        return values[middle]
    return (values[middle - 1] + values[middle]) / 2


def print_table(header, rows):
    """Text is set to the left, as the first row has it; numbers right."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines)
              for column in range(len(header))]
    for line in lines:
        cells = [cell.ljust(width) if number < 2 else cell.rjust(width)
                 for number, (cell, width) in enumerate(zip(line, widths))]
        print("  ".join(cells).rstrip(), flush=True)


class Plot:
    """Rows of marks below each other, over one logarithmic axis."""

    LEFT, WIDTH, RIGHT, TOP = 250, 560, 150, 64

    def __init__(self, title, note, ticks):
        """ticks: [(value, text)], in rising order; the axis covers them."""
        self.title, self.note, self.ticks = title, note, ticks
        self.low = math.log10(ticks[0][0])
        self.high = math.log10(ticks[-1][0])
        self.parts = []
        self.y = self.TOP

    def x(self, value):
        share = ((math.log10(max(value, 1e-9)) - self.low) /
                 (self.high - self.low))
        return self.LEFT + self.WIDTH * min(max(share, 0.0), 1.0)

    def text(self, x, y, text, anchor="start", more=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" '
                          f'text-anchor="{anchor}" {more}>{escape(text)}'
                          '</text>')

    def heading(self, text):
        self.y += 8
        self.text(16, self.y + 15, text, more='font-weight="bold"')
        self.y += 24

    def row(self, label, value, marks, right, colour):
        """A bar to value; a line through the marks, with a tick at each."""
        y = self.y + 10
        ends = [self.x(mark) for mark in (value, *marks)]
        ticks = "".join(f"M{self.x(mark):.1f} {y - 4}v8" for mark in marks)
        self.text(self.LEFT - 10, y + 5, label, "end")
        self.parts.append(
            f'<rect x="{self.LEFT}" y="{y - 7}" height="14" '
            f'width="{self.x(value) - self.LEFT:.1f}" fill="{colour}" '
            'fill-opacity="0.85"/>'
            f'<path d="M{min(ends):.1f} {y}H{max(ends):.1f}{ticks}" '
            'stroke="#222" fill="none"/>')
        self.text(self.LEFT + self.WIDTH + 12, y + 5, right)
        self.y += 22

    def write(self, path):
        bottom = self.y + 6
        frame = [
            '<svg xmlns="http://www.w3.org/2000/svg" '
            f'width="{self.LEFT + self.WIDTH + self.RIGHT}" '
            f'height="{bottom + 34}" {FONT}>',
            '<rect width="100%" height="100%" fill="white"/>',
            f'<text x="16" y="26" font-size="16">{escape(self.title)}</text>',
            f'<text x="16" y="48" fill="#555">{escape(self.note)}</text>']
        for value, text in self.ticks:
            x = self.x(value)
            frame.append(f'<path d="M{x:.1f} {self.TOP}V{bottom}" '
                         'stroke="#ccc"/>'
                         f'<text x="{x:.1f}" y="{bottom + 20}" '
                         f'text-anchor="middle">{escape(text)}</text>')
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(frame + self.parts + ["</svg>\n"]))
