"""HTML that notebooks show of an object: small, escaped, in the colours of the page, light or dark."""

from html import escape

__all__ = ["block", "facts", "folded", "table"]

CELL = "text-align: left; padding: 0.1em 0.8em 0.1em 0; background: none"


def block(title, *parts):
    """Return a title with what belongs to it; the title is escaped, the parts are HTML."""
    return f"<div><div><b>{escape(title)}</b></div>{''.join(parts)}</div>"


def facts(pairs):
    """Return pairs of names and values as a table of two columns."""
    rows = "".join(
        f'<tr style="background: none"><th style="{CELL}; font-weight: normal; opacity: 0.7">{escape(str(name))}</th>'
        f'<td style="{CELL}">{escape(str(value))}</td></tr>'
        for name, value in pairs
    )
    return f"<table>{rows}</table>"


def table(head, rows):
    """Return rows as a table, each value as its text."""
    top = "".join(f'<th style="{CELL}">{escape(str(name))}</th>' for name in head)
    body = "".join(
        '<tr style="background: none">' + "".join(f'<td style="{CELL}">{escape(str(v))}</td>' for v in row) + "</tr>"
        for row in rows
    )
    return f'<table><thead><tr style="background: none">{top}</tr></thead><tbody>{body}</tbody></table>'


def folded(title, lines, most=60):
    """Return lines of text that open on a click, the first `most` of them."""
    shown = [str(line) for line in lines[:most]]
    if len(lines) > most:
        shown.append(f"... {len(lines) - most} more lines")
    text = escape("\n".join(shown))
    return f"<details><summary>{escape(title)}</summary><pre>{text}</pre></details>"
