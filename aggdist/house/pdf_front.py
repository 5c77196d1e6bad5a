"""What the PDF has before its first chapter: a title page and the contents, as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import yaml

_HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8"><style>
body { font: 10.5pt/1.5 -apple-system, "Segoe UI", "Noto Sans", "Liberation Sans", Arial, sans-serif; }
body { color: #000; margin: 0; }
a { color: inherit; text-decoration: none; }
h1 { font-size: 26pt; line-height: 1.2; margin: 45mm 0 4mm; font-weight: 600; }
h2 { font-size: 12pt; margin: 9mm 0 2mm; font-weight: 600; break-after: avoid; }
.below { font-size: 14pt; color: #4b5563; margin: 0 0 14mm; }
.contents h1 { font-size: 20pt; margin: 0 0 4mm; }
.line { display: flex; gap: 2mm; break-inside: avoid; margin: 0.6mm 0; }
.line .dots { flex: 1; border-bottom: 0.3mm dotted #4b5563; margin-bottom: 1.4mm; min-width: 8mm; }
</style></head>"""


@dataclass(frozen=True)
class Line:
    """A line of the contents.

    Parameters
    ----------
    caption : str
        The part of the book, empty for none.
    title : str
        The chapter's heading.
    address : str
        Where it links to.
    number : int
        The page it begins on.
    """

    caption: str
    title: str
    address: str
    number: int


def read_facts(root: Path) -> dict[str, Any]:
    """What `CITATION.cff` says of this companion and the paper."""
    facts: dict[str, Any] = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    return facts


def title_page(facts: Mapping[str, Any], built: datetime, commit: str | None) -> str:
    """The title page: authors, version, date, licences, and how to cite companion and paper.

    Parameters
    ----------
    facts : mapping
        The content of `CITATION.cff`.
    built : datetime
        When the book was built.
    commit : str or None
        The commit that it was built from, if it is known.
    """
    title, _, below = facts["title"].partition(": ")
    day = f"{built.astimezone(UTC):%d %B %Y}".lstrip("0")
    from_commit = f", commit {commit[:10]}{'+' if commit.endswith('+') else ''}" if commit else ""
    authors = ", ".join(author["name"] for author in facts["authors"])
    return f"""{_HEAD}<body>
<h1>{escape(title)}</h1>
<p class="below">{escape(below[:1].upper() + below[1:])}</p>
<p><strong>{escape(authors)}</strong><br>Version {facts["version"]}{from_commit}<br>Built on {day}</p>
<h2>How to cite</h2>
<p>{companion(facts, built.year)}</p>
<p>Please cite the paper that it accompanies as well:</p>
<p>{paper(facts["preferred-citation"])}</p>
<h2>Licences</h2>
<p>Text and figures: <a href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a>. Code: {facts["license"]}
licence.</p>
<p>Solutions of the exercises, folded code and the pages of single runs are in the book on the screen.</p>
</body></html>"""


def companion(facts: Mapping[str, Any], year: int) -> str:
    """The companion's citation in the style of the APA, as HTML."""
    authors = ", ".join(author["name"] for author in facts["authors"])
    title, _, below = facts["title"].partition(": ")
    return (
        f"{escape(authors)}. ({year}). <em>{escape(title)}: {escape(below[:1].upper() + below[1:])}</em> "
        f"(Version {facts['version']}) [Computer software and book]."
    )


def paper(entry: Mapping[str, Any]) -> str:
    """The paper's citation in the style of the APA, as HTML."""
    names = [f"{a['family-names']}, {_initials(a['given-names'])}" for a in entry["authors"]]
    title, address = entry["title"], f"https://doi.org/{entry['doi']}"
    return (
        f"{escape(', '.join(names[:-1]))}, &amp; {escape(names[-1])} ({entry['year']}). {escape(title)}. "
        f"<em>{escape(entry['journal'])}</em>, <em>{entry['volume']}</em>({entry['issue']}), "
        f'{entry["start"]}–{entry["end"]}. <a href="{address}">{address}</a>'
    )


def _initials(given: str) -> str:
    return " ".join("-".join(f"{part[0]}." for part in word.split("-")) for word in given.split())


def contents(lines: Iterable[Line]) -> str:
    """The table of contents."""
    rows, caption = [], ""
    for line in lines:
        if line.caption != caption:
            caption = line.caption
            rows.append(f"<h2>{escape(caption)}</h2>")
        rows.append(
            f'<a class="line" href="{escape(line.address)}"><span>{escape(line.title)}</span>'
            f'<span class="dots"></span><span>{line.number}</span></a>'
        )
    return f'{_HEAD}<body class="contents"><h1>Contents</h1>{"".join(rows)}</body></html>'
