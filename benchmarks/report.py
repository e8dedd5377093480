"""The page of a whole benchmark: tables with goals in colour, pictures beside it. It opens offline."""

import html
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from benchmarks.figures import Figure, Results
from benchmarks.sweep import Sweep
from media.atomic import replacing

PICTURES = (".png", ".jpg")
FILES = (".json", ".csv", ".mp4", ".html")  # linked, not shown
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:.6em 0}tbody tr:nth-child(even){background:#f6f6f6}
td,th{padding:.15em .8em .15em .3em;text-align:left;vertical-align:top}.n{text-align:right;white-space:nowrap}
.met{color:#1b7f3b}.missed,.failed{color:#b00020}.none{color:#777}
.met::after{content:" \\2713"}.missed::after{content:" \\2717"}
code{overflow-wrap:anywhere}img{max-width:100%;border:1px solid #ddd}figure{margin:1em 0}
figcaption,small{font-size:.85em;color:#555}
"""


def write_report(sweep: Sweep, folder: Path) -> Path:
    """`folder`/report.html; suites' pictures are those in `folder`/SUITE, by relative path."""
    path = folder / "report.html"
    with replacing(path) as temporary:
        temporary.write_text(page(sweep, folder), encoding="utf-8")
    return path


def page(sweep: Sweep, folder: Path) -> str:
    """The page as HTML. All text in it is escaped: figures carry names of files."""
    suites = "".join(_suite(results, sweep.seconds.get(results.suite), folder) for results in sweep.suites)
    failed = "".join(f"<li><b>{_text(name)}</b>: {_text(why)}</li>" for name, why in sweep.failed.items())
    failures = f'<h2>Not finished</h2><ul class="failed">{failed}</ul>' if failed else ""
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>vasari bench all</title><style>{STYLE}</style></head><body>
<h1>vasari bench all{" --quick" if sweep.quick else ""}</h1>
<p>Green reaches its goal, red misses it. Intervals: 95%, bootstrap. {sum(sweep.seconds.values()) / 60:.1f} minutes
in all.</p>{_overview(sweep)}{failures}{suites}
<h2>Machine</h2>{_pairs(sweep.machine)}<h2>Versions</h2>{_pairs({"commit": sweep.commit} | sweep.versions)}
<h2>Weights, SHA-256</h2>{_pairs(sweep.weights)}</body></html>
"""


def _text(value: object) -> str:
    return html.escape(str(value))


def _anchor(suite: str) -> str:
    return re.sub(r"[^a-z0-9-]", "-", suite.lower())


def _overview(sweep: Sweep) -> str:
    rows = []
    for results in sweep.suites:
        met = [f.met for f in results.figures]
        seconds = sweep.seconds.get(results.suite)
        rows.append(
            f'<tr><td><a href="#{_anchor(results.suite)}">{_text(results.suite)}</a></td>'
            f'<td class="n">{len(met)}</td><td class="n">{met.count(True)}</td><td class="n">{met.count(False)}</td>'
            f'<td class="n">{sum(f.value is None for f in results.figures)}</td>'
            f'<td class="n">{"" if seconds is None else f"{seconds:.0f} s"}</td></tr>'
        )
    return _table(("suite", "figures", "goals met", "missed", "not measured", "took"), rows)


def _suite(results: Results, seconds: float | None, folder: Path) -> str:
    took = "" if seconds is None else f"<p><small>{seconds:.0f} s</small></p>"
    rows = [_row(figure) for figure in results.figures]
    table = _table(("figure", "value", "goal", "n", "95%", "note"), rows)
    return f"""<h2 id="{_anchor(results.suite)}">{_text(results.suite)}</h2>{took}{table}
{_beside(folder, results.suite)}"""


def _row(f: Figure) -> str:
    value = "not measured" if f.value is None else f"{f.value:.4g} {f.unit}".strip()
    kind = "none" if f.value is None else {True: "met", False: "missed", None: ""}[f.met]
    goal = "" if f.goal is None else f"{'≥' if f.better == 'higher' else '≤'} {f.goal:g}"
    span = "" if f.interval is None else f"{f.interval[0]:.4g} to {f.interval[1]:.4g}"
    return (
        f'<tr><td><code>{_text(f.name)}</code></td><td class="n"><span class="{kind}">{_text(value)}</span></td>'
        f'<td class="n">{goal}</td><td class="n">{f.n}</td><td class="n">{span}</td><td>{_text(f.note)}</td></tr>'
    )


def _beside(folder: Path, suite: str) -> str:
    """Plots and contact sheets of a suite, and links to its other files. Folders inside (keys, crops) are left out."""
    files = sorted(p for p in (folder / suite).glob("*") if p.is_file() and not p.name.startswith("."))
    figures = "".join(
        f'<figure><img loading="lazy" src="{_address(suite, p)}" alt="{_text(p.stem)}"><figcaption>{_text(p.name)}'
        "</figcaption></figure>"
        for p in files
        if p.suffix in PICTURES
    )
    links = ", ".join(f'<a href="{_address(suite, p)}">{_text(p.name)}</a>' for p in files if p.suffix in FILES)
    return f"<p><small>Files: {links}</small></p>{figures}" if links else figures


def _address(suite: str, path: Path) -> str:
    return html.escape(f"./{quote(suite)}/{quote(path.name)}")


def _pairs(values: dict) -> str:
    return _table(
        ("", ""), [f"<tr><td>{_text(k)}</td><td><code>{_text(v)}</code></td></tr>" for k, v in values.items()]
    )


def _table(heads: Iterable[str], rows: Iterable[str]) -> str:
    head = "".join(f"<th>{_text(name)}</th>" for name in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
