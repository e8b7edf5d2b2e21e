"""Tables and charts of text, 80 columns wide."""

WIDTH = 40


def bars(title, rows):
    """rows: (label, value, text of the value). The longest bar is WIDTH."""
    top = max(value for _, value, _ in rows) or 1
    print(f"\n{title}")
    for label, value, text in rows:
        bar = "#" * max(1, round(value / top * WIDTH))
        print(f"  {label:<16} {bar:<{WIDTH}} {text}")


def ratios(title, rows):
    """rows: (label, figures of the rounds); the first is what the others are
    compared with. The medians, their ratio to its median, and the tenth and the
    ninetieth of a hundred."""
    first, figures = rows[0]
    base = median(figures)
    print(f"\n{title}\n  {'':<16} {'median us':>10} {'of ' + first:>13}"
          f" {'10 % .. 90 %':>16}")
    for label, figures in rows:
        ordered = sorted(figures)
        low = ordered[len(ordered) // 10]
        high = ordered[-1 - len(ordered) // 10]
        print(f"  {label:<16} {median(figures):>10.0f}"
              f" {median(figures) / base:>13.2f} {f'{low:.0f} .. {high:.0f}':>16}")


def median(figures):
    ordered = sorted(figures)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else \
        (ordered[middle - 1] + ordered[middle]) / 2
