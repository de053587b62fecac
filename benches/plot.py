"""Draws benches/growth.svg from benches/growth.csv and from the tables of benches/README.md. Standard library only."""

import csv
import math
import pathlib
import re

HERE = pathlib.Path(__file__).parent
WIDTH, HEIGHT, MARGIN = 360, 240, 52


def panels():
    """Title, axis, and lines of (name, points)."""
    rows = list(csv.DictReader((HERE / "growth.csv").open()))
    for subject, axis, own, floor in [
        ("evidence", "bytes of the URL", "parse + begin", "one look at each byte"),
        ("reply", "bytes of the reply", "from_reply", "quick-xml alone"),
        ("role patterns", "patterns in the policy", "finish, all of it", "one look-up"),
    ]:
        of = [row for row in rows if row["subject"] == subject]
        points = lambda column: [(float(row["size"]), float(row[column]) / 1000) for row in of]
        yield f"{subject}, µs", axis, [(own, points("ns")), (floor, points("floor_ns"))]
    yield from tables()


def tables():
    """The tables of the README whose figures depend on a size."""
    text = (HERE / "README.md").read_text()
    number = lambda cell: float(re.sub(r"[^0-9.]", "", cell))
    registry = re.findall(r"^\| ([\d,]+) \| (\d+) \| ([\d,]+) \| [\d,]+ \| ([\d,]+) \| [\d,]+ \|", text, re.M)
    first = {}
    for names, clients, granted, floor in registry:
        if clients == "16":
            first.setdefault(number(names), (number(granted), number(floor)))
    callers = re.findall(r"^\| ([\d,]+) \| [\d,]+ \| [\d,]+ \| ([\d,]+) \| ([\d,]+) \| [\d,]+ \|$", text, re.M)
    second = {number(row[0]): (number(row[1]), number(row[2])) for row in callers}
    for title, axis, names, figures in [
        ("PostgreSQL, 16 clients, a second", "names held", ("claims granted", "one-row inserts"), first),
        ("client CPU of one, µs", "callers at once", ("verification", "bare GET"), second),
    ]:
        if len(figures) < 3:
            raise SystemExit(f"README.md has no table for: {title}")
        points = lambda at: [(size, figures[size][at]) for size in sorted(figures)]
        yield title, axis, [(name, points(at)) for at, name in enumerate(names)]


def place(value, low, high, length):
    return (math.log10(value) - math.log10(low)) / (math.log10(high) - math.log10(low)) * length


def short(value):
    for size, unit in [(1e6, "M"), (1e3, "k")]:
        if value >= size:
            return f"{round(value / size, 1 if value < 10 * size else 0):g}{unit}"
    return f"{value:g}"


def panel(title, axis, lines, left, top):
    points = [point for _, line in lines for point in line]
    xs = [x for x, _ in points]
    x_low, x_high = min(xs), max(xs)
    y_low = 10 ** math.floor(math.log10(min(y for _, y in points)))
    y_high = 10 ** math.ceil(math.log10(max(y for _, y in points) * 1.01))
    inner_x, inner_y = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    x_at = lambda x: left + MARGIN + place(x, x_low, x_high, inner_x)
    y_at = lambda y: top + HEIGHT - MARGIN - place(y, y_low, y_high, inner_y)
    out = [f'<text x="{left + MARGIN}" y="{top + 20}" font-weight="bold">{title}</text>']
    for x in sorted(set(xs)):
        out.append(f'<text x="{x_at(x):.1f}" y="{top + HEIGHT - MARGIN + 16}" text-anchor="middle">{short(x)}</text>')
    out.append(f'<text x="{left + WIDTH / 2}" y="{top + HEIGHT - 16}" text-anchor="middle">{axis}</text>')
    y = y_low
    while y <= y_high * 1.001:
        out.append(f'<path d="M{left + MARGIN} {y_at(y):.1f}h{inner_x}" stroke="#ddd"/>')
        out.append(f'<text x="{left + MARGIN - 6}" y="{y_at(y) + 4:.1f}" text-anchor="end">{short(y)}</text>')
        y *= 10
    for (name, line), colour, away in zip(lines, ["#0b6", "#888"], [-7, 15]):
        path = "L".join(f"{x_at(x):.1f} {y_at(y):.1f}" for x, y in line)
        out.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out.extend(f'<circle cx="{x_at(x):.1f}" cy="{y_at(y):.1f}" r="3" fill="{colour}"/>' for x, y in line)
        x, y = line[-2]
        out.append(f'<text x="{x_at(x):.1f}" y="{y_at(y) + away:.1f}" text-anchor="middle" fill="{colour}">{name}</text>')
    return out


def main():
    drawn = list(panels())
    rows = math.ceil(len(drawn) / 2)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH}" height="{rows * HEIGHT}" '
        'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, (title, axis, lines) in enumerate(drawn):
        out += panel(title, axis, lines, number % 2 * WIDTH, number // 2 * HEIGHT)
    (HERE / "growth.svg").write_text("\n".join([*out, "</svg>", ""]))


main()
