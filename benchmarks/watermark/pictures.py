"""The picture mark: how well it is hidden, what it costs, and how often its whole message is read."""

import csv
import secrets
import time
from collections import defaultdict

import numpy as np

from benchmarks.figures import Figure, mean_figure
from benchmarks.pictures import psnr, ssim
from benchmarks.plots import figure, save_plot
from benchmarks.sheets import portraits, save_sheet
from benchmarks.suites import Given
from benchmarks.watermark.clips import Clip
from benchmarks.watermark.journeys import Journey, journeys
from media.units import FPS
from provenance.marks.picture import PictureMarker, PictureReader

STRIDE = 5  # every fifth frame is read, as in verification


def measure(given: Given, clips: list[Clip]) -> list[Figure]:
    """message_rate_* of every row, mark_*, embed_ms_512, search_s; coded bits and p-values into `rows.csv` and a plot;
    how it looks into a sheet."""
    found: dict[str, list[float]] = defaultdict(list)
    rows = journeys(given.quick)
    searches: list[float] = []
    looks: list[np.ndarray] = []
    for clip in clips:
        key, message = secrets.token_bytes(32), secrets.randbits(64)
        marked = _hidden(clip, PictureMarker(message, key), found)
        if len(looks) < len(given.portraits):  # clips of people who do not exist come first
            looks.append(_look(clip[0], marked[0]))
        for row in rows:
            reader, sent = PictureReader(key), row.change(marked[: row.seconds * FPS])
            for frame in sent if len(sent) < 25 else sent[::STRIDE]:
                reader.add(frame)
            began = time.perf_counter()
            reading = reader.read(search=row.moved)
            if row.moved:
                searches.append(time.perf_counter() - began)
            found[f"rate {row.name}"].append(float(reading.message == message))
            found[f"p {row.name}"].append(reading.p_value)
            if not row.moved:
                found[f"bits {row.name}"].append(reader.bit_accuracy(message))
    if looks:
        save_sheet(given.folder, "marked", np.concatenate(looks), portraits(given.folder, *given.portraits))
    _write(given, rows, found)
    _plot(given, rows, found)
    figures = [_rate(row, found[f"rate {row.name}"]) for row in rows]
    figures += [mean_figure("mark_psnr_db", found["psnr"], "dB", goal=42)]
    figures += [mean_figure("mark_ssim", found["ssim"], "", goal=0.98)]
    figures += [mean_figure("mark_flicker", found["flicker"], "levels", better="lower", note=FLICKER)]
    ms = found["ms"]
    note = f"median; 95th percentile {np.quantile(ms, 0.95):.1f}; load as in `machine`"
    figures.append(
        Figure(name="embed_ms_512", value=float(np.median(ms)), unit="ms", goal=4, better="lower", n=len(ms), note=note)
    )
    figures.append(mean_figure("search_s", searches, "s", better="lower", note="a clip that was cut or turned"))
    return figures


FLICKER = "change of the mark from frame to frame where the picture stands still, root mean square"


def _hidden(clip: Clip, marker: PictureMarker, found: dict[str, list[float]]) -> Clip:
    """Mark a clip and measure how it is hidden."""
    marker.mark(clip[0])
    marked = []
    for frame in clip:
        began = time.perf_counter()
        marked.append(marker.mark(frame))
        found["ms"].append(1000 * (time.perf_counter() - began))
    everywhere = np.ones(clip[0].shape[:2], bool)
    for k in range(0, len(clip), 25):
        found["psnr"].append(psnr(marked[k], clip[k], everywhere))
        found["ssim"].append(ssim(marked[k], clip[k], everywhere))
        if k:
            still = np.abs(clip[k].astype(np.int16) - clip[k - 1]).max(axis=2) == 0
            change = (marked[k].astype(np.float32) - marked[k - 1])[still]
            found["flicker"].append(float(np.sqrt(np.square(change).mean())) if still.any() else float("nan"))
    return marked


def _look(frame: np.ndarray, marked: np.ndarray) -> np.ndarray:
    """A frame, the frame marked, and ten times the difference, side by side."""
    difference = np.clip(128 + 10 * (marked.astype(np.int16) - frame), 0, 255).astype(np.uint8)
    return np.concatenate([frame, marked, difference], axis=1)


def _rate(row: Journey, values: list[float]) -> Figure:
    note = f"clips of {row.seconds} s" + (", grid searched for" if row.moved else "")
    return mean_figure(f"message_rate_{row.name}", values, "", goal=row.goal, note=note)


def _write(given: Given, rows: list[Journey], found: dict[str, list[float]]) -> None:
    """`rows.csv`: a row a journey."""
    with (given.folder / "rows.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["journey", "family", "strength", "clips", "whole_message", "bit_accuracy", "median_p_value"])
        for row in rows:
            rate, bits, p = (found[f"{kind} {row.name}"] for kind in ("rate", "bits", "p"))
            accuracy = f"{np.mean(bits):.4f}" if bits else ""
            table.writerow(
                [row.name, row.family, row.strength, len(rate), f"{np.mean(rate):.4f}", accuracy, f"{np.median(p):.2e}"]
            )


def _plot(given: Given, rows: list[Journey], found: dict[str, list[float]]) -> None:
    """Whole messages, coded bits and p-values against the strength of each family."""
    families = [
        f for f in ("h264", "h265", "vp9", "jpeg", "resize", "crop", "turn") if sum(r.family == f for r in rows) > 1
    ]
    drawn, axes = figure(2, len(families), (2.4 * len(families), 5))
    for axis, below, family in zip(axes[0], axes[1], families, strict=True):
        chosen = sorted((row for row in rows if row.family == family), key=lambda row: row.strength)
        at = [row.strength for row in chosen]
        axis.plot(at, [np.mean(found[f"rate {row.name}"]) for row in chosen], "o-", label="whole message")
        if all(found[f"bits {row.name}"] for row in chosen):
            axis.plot(at, [np.mean(found[f"bits {row.name}"]) for row in chosen], "s--", label="coded bits")
        axis.set_title(family)
        axis.set_ylim(0, 1.03)
        below.semilogy(at, [np.median(found[f"p {row.name}"]) for row in chosen], "o-")
        below.axhline(1e-6, color="grey", linestyle=":")
        below.set_xlabel("strength")
    axes[0, 0].legend()
    axes[1, 0].set_ylabel("p-value, median")
    save_plot(given.folder, "journeys", drawn)
