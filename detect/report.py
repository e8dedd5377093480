"""A page that shows why: timeline, pictures with heat, what it was compared with. One HTML file that opens offline.

Pictures are small crops of the file that was looked at, inside the page; nothing of them is made here.
"""

import base64
import html
import zlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from detect.evidence import Evidence, Person
from detect.result import SAYS, Detection, PersonResult, beside, likeness
from media import replacing
from media.errors import OutputError
from media.words import plain

SHOWN = 8  # pictures of a person
WIDTH, HEIGHT = 760, 120  # of the timeline, pixels
HOT = 4.0  # evidence (logit) that is wholly red
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:820px;margin:2em auto;padding:0 1em;color:#222}
h1{font-size:1.3em;overflow-wrap:anywhere}table{border-collapse:collapse;margin:.6em 0}
td,th{padding:.15em .8em .15em 0;text-align:left;vertical-align:top}.n{text-align:right}
.synthetic{color:#b00020}.nothing_found{color:#1b7f3b}.cannot_tell{color:#8a6d00}
figure{display:inline-block;margin:.2em}figcaption{font-size:.8em;color:#555}
svg{background:#fafafa;border:1px solid #ddd}
small{color:#555}.sentence{font-size:1.15em;font-weight:600}summary{color:#555;cursor:pointer}
"""


def report_folder(folder: Path) -> Path:
    """The folder, made when missing.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: the folder for reports cannot be made ({error.strerror})") from error
    return folder


def write_report(
    folder: Path, detection: Detection, evidence: Evidence, facts: Sequence[str] = (), *, settled: bool = False
) -> Path:
    """Write `page` of one file into `folder`, named after the file and where it lies."""
    place = zlib.crc32(detection.file.encode(errors="surrogateescape"))
    path = folder / f"{Path(detection.file).name}.{place:08x}.html"
    with replacing(path) as temporary:
        temporary.write_text(page(detection, evidence, facts, settled=settled))
    return path


def page(detection: Detection, evidence: Evidence, facts: Sequence[str] = (), *, settled: bool = False) -> str:
    """HTML for one file.

    Args:
        evidence: with its crops (`Detector.look(keep=True)`).
        facts: lines of a joint verdict (`detect.triage`), the sentence first; shown before the estimate.
        settled: facts say how it was made; the estimate is a footnote, folded away.
    """
    sentence = "".join(f'<p class="sentence">{html.escape(plain(line))}</p>' for line in facts[:1])
    known = "".join(f"<li>{html.escape(plain(line))}</li>" for line in facts[1:])
    if len(detection.people) != len(evidence.people):
        raise ValueError("detection and evidence are of different files")
    people = zip(detection.people, evidence.people, strict=True)
    body = "".join(_person(result, seen, detection, settled) for result, seen in people)
    colour = "" if settled else detection.verdict
    said = f"<b>{SAYS[detection.verdict]}</b>{_chance(detection.probability, detection.interval)}"
    estimate = f"""<p class="{colour}">{said}
{html.escape(plain(detection.reason))}</p>
<p><small>An estimate, no proof. Probability before anything is seen: one half. {detection.operating_point}: of
comparable real clips, {detection.false_alarms:g} may be accused; measured on {html.escape(detection.measured_on)}.
{detection.kind}, {detection.frames} frames, {detection.seconds:g} s. {html.escape("; ".join(detection.notes))}
Weights {detection.model[:16]}.</small></p>{body}"""
    if settled:
        estimate = f"""<details><summary>What the detector says by looks alone; the facts above say how it was
made</summary>{estimate}</details>"""
    name = html.escape(plain(detection.file))
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>
<style>{STYLE}</style><h1>{name}</h1>
{sentence}{f"<ul>{known}</ul>" if known else ""}
{estimate}</html>"""


def _person(result: PersonResult, seen: Person, detection: Detection, settled: bool) -> str:
    said = SAYS[result.verdict] + _chance(result.probability, result.interval)
    lines = [html.escape(line) for line in (beside(result), result.lips, likeness(result)) if line]
    colour = "" if settled else result.verdict
    return f"""<h2>Person {result.person}</h2><p class="{colour}">{said} {html.escape(result.reason)}</p>
<p>{"<br>".join(lines)}</p>{_timeline(result, detection)}{_pictures(result, seen)}"""


def _chance(probability: float | None, interval: tuple[float, float] | None) -> str:
    if probability is None or interval is None:
        return ""
    return f", {probability:.1%} (95%: {interval[0]:.1%} to {interval[1]:.1%})"


def _timeline(result: PersonResult, detection: Detection) -> str:
    """Probability over time as a drawing."""
    if len(result.looks) < 2:
        return ""
    last = max(detection.seconds, result.looks[-1].time, 0.1)
    spots = " ".join(f"{WIDTH * at.time / last:.1f},{HEIGHT * (1 - at.probability):.1f}" for at in result.looks)
    bars = "".join(
        f'<rect x="{WIDTH * s.start / last:.1f}" y="0" width="{WIDTH * (s.end - s.start) / last:.1f}" '
        f'height="{HEIGHT}" fill="#b00020" opacity=".12"/>'
        for s in result.segments
    )
    line = HEIGHT * (1 - (result.threshold or 2))
    rule = f'<line x1="0" x2="{WIDTH}" y1="{line:.1f}" y2="{line:.1f}" stroke="#999" stroke-dasharray="4"/>'
    return f"""<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="probability over time">{bars}
{rule if result.threshold else ""}<polyline points="{spots}" fill="none" stroke="#1a4fa0" stroke-width="1.5"/></svg><br>
<small>probability of the second around each look, 0 to {last:.1f} s; dashed: from where it is said</small>"""


def _pictures(result: PersonResult, seen: Person) -> str:
    """The most suspicious looks, spread over time, plain and with heat."""
    if not seen.crops:
        return ""
    parts = np.array_split(np.arange(len(seen.crops)), min(SHOWN, len(seen.crops)))
    chosen = [int(part[np.argmax([seen.looks[k].logit for k in part])]) for part in parts]
    figures = "".join(
        f'<figure><img src="{_embedded(np.hstack([seen.crops[k], heated(seen.crops[k], seen.looks[k].evidence)]))}" '
        f'width="340"><figcaption>{seen.times[k]:.2f} s, {result.looks[k].probability:.0%}</figcaption></figure>'
        for k in chosen
    )
    return f"<p>{figures}</p>"


def heated(crop: np.ndarray, evidence: np.ndarray) -> np.ndarray:
    """A crop, uint8 RGB (S, S, 3), with evidence (h, w) laid over: redder where more of it speaks for "made"."""
    heat = cv2.resize(
        np.clip(evidence / HOT, 0, 1).astype(np.float32), crop.shape[1::-1], interpolation=cv2.INTER_LINEAR
    )
    share = 0.65 * heat[..., None]
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None]
    mixed = (1 - share) * (0.6 * crop + 0.4 * grey) + share * np.array([255, 30, 0])
    shown: np.ndarray = np.clip(mixed, 0, 255).astype(np.uint8)
    return shown


def _embedded(picture: np.ndarray) -> str:
    _, coded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    return "data:image/jpeg;base64," + base64.b64encode(coded.tobytes()).decode()
