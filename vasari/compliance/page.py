"""A report as one page that opens offline: no scripts, nothing fetched. All text in it is escaped."""

import html
import re
from collections.abc import Iterable, Mapping

from media.words import plain
from vasari.compliance.record import Judged, Measured, Report, Shown, State

STATES: dict[State, str] = {"met": "good", "met by default": "good", "yours to do": "odd", "not met": "bad"}
STYLE = """
:root{color-scheme:light dark;--ground:light-dark(#fbfaf7,#15171a);--ink:light-dark(#1d2024,#e8e6e1);
--quiet:light-dark(#5a6068,#a3a9b1);--line:light-dark(#dcd9d2,#34383e);--sheet:light-dark(#fff,#1c1f23);
--good:light-dark(#1c6b3a,#7fd19b);--bad:light-dark(#a3121f,#ff9a94);--odd:light-dark(#7a5600,#e6c06a)}
*{box-sizing:border-box}body{font:1rem/1.5 system-ui,sans-serif;max-width:70rem;margin:0 auto;padding:0 1.25rem 3rem;
background:var(--ground);color:var(--ink);overflow-wrap:anywhere}
h1,h2{font-family:Charter,Georgia,serif;line-height:1.2}h1{font-size:2rem;margin:2rem 0 .4rem}h2{margin:2.2rem 0 .6rem}
p{max-width:46rem}small,.quiet{color:var(--quiet);font-size:.88rem}code{font-size:.9em}
table{border-collapse:collapse;width:100%;background:var(--sheet);border:1px solid var(--line)}
td,th{padding:.45rem .7rem;text-align:left;vertical-align:top;border-top:1px solid var(--line)}
th{font-size:.85rem;color:var(--quiet);font-weight:600}.n{text-align:right;white-space:nowrap}
.duties{table-layout:fixed}.duties th:nth-child(1){width:19%}.duties th:nth-child(2){width:17%}
.duties th:nth-child(3){width:24%}.duties th:nth-child(4){width:17%}
.good{color:var(--good)}.bad{color:var(--bad)}.odd{color:var(--odd)}b.good,b.bad,b.odd{white-space:nowrap}
ul{margin:.3rem 0 0;padding:0;list-style:none}.counts{display:flex;flex-wrap:wrap;gap:.4rem 1.6rem}
summary{cursor:pointer;margin:.8rem 0 .4rem;font-weight:600}
@media(max-width:45rem){thead{position:absolute;left:-999rem}tr{display:block;padding:.5rem 0;
border-top:1px solid var(--line)}td{display:block;border:0;padding:.12rem .8rem}.n{text-align:left}
td[data-head]::before{content:attr(data-head) ": ";color:var(--quiet);font-size:.85rem}td:empty{display:none}}
@media print{details>*{display:block}}
"""
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
CODE = re.compile(r"`([^`]*)`")


def page(report: Report, digest: str) -> str:
    """HTML. `digest`: the SHA-256 of the record, by which the two belong together."""
    counts = [(state, [d.state for d in report.duties].count(state)) for state in STATES]
    told = "".join(f'<b class="{STATES[state]}">{count} {state}</b>' for state, count in counts)
    head = f"vasari {_text(report.versions.get('vasari', ''))}"
    commit = f", commit <code>{_text(report.commit)}</code>" if report.commit else ""
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Compliance report: {head}</title><style>{STYLE}</style></head><body><main>
<h1>Compliance report: {head}</h1>
<p>Made {_text(report.made)}{commit}. {_text(report.note)}</p>
<p class="quiet">Signed: the signature lies beside this page, in report.html.c2pa; <code>vasari comply --check</code>
says whether both are as they were. The same as data: {of_record(digest)}.</p>
<p class="counts">{told}</p>
<h2>Duties</h2>{_duties(report.duties)}
<h2>Tests</h2>{_tests(report)}
<h2>Measurements</h2>{_suites(report.measured)}
<h2>Settings</h2>{_table(("setting", "value", "from"), ((s.name, s.value, s.origin) for s in report.settings))}
<h2>Keys and certificates</h2>{_maker(report)}
<h2>Versions</h2>{_pairs(report.versions, "package", "version")}
<h2>Weights and terms</h2>{_pairs(report.weights | {"TERMS.md": report.terms_sha256}, "file", "SHA-256")}
</main></body></html>
"""


def of_record(digest: str) -> str:
    """What a page says of the record that it belongs to, and of no other file; no text in it can look like this."""
    return f"report.json, SHA-256 <code>{digest}</code>"


def _text(value: object) -> str:
    return html.escape(plain(str(value)))


def _words(markdown: str) -> str:
    """Our own words, with what is code shown as such; links lead nowhere from here."""
    return CODE.sub(r"<code>\1</code>", LINK.sub(r"\1", _text(markdown)))


def _duties(duties: Iterable[Judged]) -> str:
    rows = [
        f'<tr><td><strong>{_words(d.duty)}</strong><br><small>{_text(d.where)}</small></td>'
        f'<td><b class="{STATES[d.state]}">{d.state}</b><br><small>{_words(d.how)}</small></td>'
        f'<td data-head="vasari">{_words(d.does)}</td><td data-head="yours">{_words(d.remains)}</td>'
        f"<td>{_list(map(_figure, d.shown))}</td></tr>"
        for d in duties
    ]  # fmt: skip
    return _whole(("duty", "state", "what vasari does", "what remains yours", "shown by"), rows, "duties")


def _figure(figure: Shown) -> str:
    colour = {True: "good", False: "bad", None: "quiet"}[figure.met]
    return f'<code>{_text(figure.figure)}</code> <span class="{colour}">{_value(figure)}</span>{_goal(figure)}'


def _value(figure: Shown) -> str:
    return "not measured" if figure.value is None else _text(f"{figure.value:.4g} {figure.unit}".strip())


def _goal(figure: Shown) -> str:
    if figure.goal is None:
        return ""
    return f" <small>goal {'≥' if figure.better == 'higher' else '≤'} {figure.goal:g}</small>"


def _tests(report: Report) -> str:
    tested = report.tested
    if tested is None:
        return "<p>No outcome of tests was given.</p>"
    word, colour = ("passed", "good") if tested.passed else ("not passed", "bad")
    when = f", {_text(tested.made)}" if tested.made else ""
    return f"""<p><b class="{colour}">{word}</b>: {tested.tests} tests, {tested.failures} failures,
{tested.errors} errors, {tested.skipped} skipped, {tested.seconds:g} s{when}.
<small>junit XML, SHA-256 <code>{tested.file_sha256}</code></small></p>"""


def _suites(measured: Iterable[Measured]) -> str:
    return "".join(map(_suite, measured)) or "<p>No results of <code>vasari bench</code> were given.</p>"


def _suite(run: Measured) -> str:
    met = [figure.met for figure in run.figures]
    counts = f"{met.count(True)} goals met, {met.count(False)} missed, {len(met)} figures"
    machine = ", ".join(
        str(run.machine[name]) for name in ("processor", "instructions", "cores") if name in run.machine
    )
    kind = {True: ", quick", False: "", None: ""}[run.quick]
    failed = f'<p class="bad">ended early: {_text(run.failed)}</p>' if run.failed else ""
    rows = [
        f'<tr><td><code>{_text(f.figure)}</code></td><td data-head="value" class="{_colour(f)}">{_value(f)}'
        f"{_goal(f)}</td><td data-head=\"n\">{f.n}</td><td>{_text(f.note)}</td></tr>"
        for f in run.figures
    ]  # fmt: skip
    return f"""<details><summary>{_text(run.suite)}: {counts}</summary>
<p class="quiet">{_text(run.made or "time not told")}{kind}, on {_text(machine)} cores; results.json, SHA-256
<code>{run.file_sha256}</code>{f", commit <code>{_text(run.commit)}</code>" if run.commit else ""}</p>{failed}
{_whole(("figure", "value", "n", "on what"), rows)}</details>"""


def _colour(figure: Shown) -> str:
    return {True: "good", False: "bad", None: "quiet" if figure.value is None else ""}[figure.met]


def _maker(report: Report) -> str:
    maker, rows = report.maker, []
    for number, one in enumerate(maker.certificates):
        name = "signs as" if number == 0 else "issued by"
        dates = f"{one.since[:10]} to {one.until[:10]}"
        rows.append((name, f"{one.subject}; serial {one.serial}; {dates}; SHA-256 {one.sha256}"))
    rows += [
        ("root, SHA-256", maker.root_sha256),
        ("for development", "yes: nobody else trusts it" if maker.development else "no"),
        ("private key", maker.signs),
        ("watermark key", " ".join((maker.watermark_key, *(f"{key} (retired)" for key in maker.retired_keys)))),
        ("time-stamp authority", maker.authority or "none: signatures bear no time stamp"),
        ("roots believed on times, SHA-256", ", ".join(maker.authority_roots) or "none"),
        ("certificates revoked", str(maker.revoked)),
    ]
    return _table(("what", "which"), rows)


def _list(items: Iterable[str]) -> str:
    lines = "".join(f"<li>{item}</li>" for item in items)
    return f"<ul>{lines}</ul>" if lines else ""


def _pairs(values: Mapping[str, str], *heads: str) -> str:
    return _table(heads, values.items())


def _table(heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    return _whole(heads, ["<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows])


def _whole(heads: Iterable[str], rows: Iterable[str], kind: str = "") -> str:
    head = "".join(f"<th>{_text(name)}</th>" for name in heads)
    return f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
