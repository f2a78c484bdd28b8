"""Build the HTML that notebooks show for an object: small, escaped, in the page's own colours, light or dark."""

from html import escape

__all__ = ["block", "facts", "folded", "table"]

CELL = "text-align: left; padding: 0.1em 0.8em 0.1em 0; background: none"


def block(title, *parts):
    """Return a title, which is escaped, followed by parts, which are HTML."""
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
    """Return rows as a table with a head; every value is converted to text."""
    top = "".join(f'<th style="{CELL}">{escape(str(name))}</th>' for name in head)
    body = "".join(
        '<tr style="background: none">' + "".join(f'<td style="{CELL}">{escape(str(v))}</td>' for v in row) + "</tr>"
        for row in rows
    )
    return f'<table><thead><tr style="background: none">{top}</tr></thead><tbody>{body}</tbody></table>'


def folded(title, lines, most=60):
    """Return the first `most` lines of a text, folded behind a title that opens them on a click."""
    shown = [str(line) for line in lines[:most]]
    if len(lines) > most:
        shown.append(f"... {len(lines) - most} more lines")
    text = escape("\n".join(shown))
    return f"<details><summary>{escape(title)}</summary><pre>{text}</pre></details>"
