"""Outputs that were changed under their credentials: how many of them are caught."""

from pathlib import Path

from benchmarks.credentials.conformance import outputs
from benchmarks.figures import Figure
from benchmarks.outputs import Maker
from benchmarks.tampering import flipped
from media.errors import UnreadableError
from provenance.read.verification import read_credentials

FLIPS, FLIPS_QUICK = 60, 4  # a file
WORDS = (b"c2pa.created", b"trainedAlgorithmicMedia", b"c2pa.opened", b"c2pa.transcoded")  # of which a file has some


def measure(made: Maker, quick: bool) -> list[Figure]:
    """tamper_caught_pct: one bit flipped anywhere that is covered; words of the manifest written over; cut short."""
    caught, missed = 0, []
    tried = 0
    for kind, path in outputs(made).items():
        for name, file in _changes(path, FLIPS_QUICK if quick else FLIPS):
            tried += 1
            try:
                state = read_credentials(file, made.keys.anchor_pem.decode()).state
            except UnreadableError:
                state = "unreadable"
            if state == "valid":
                missed.append(f"{kind}: {name}")
            else:
                caught += 1
    note = "bits flipped all over what the hash covers, words of the manifest written over, files cut short"
    return [
        Figure(name="tamper_caught_pct", value=100 * caught / tried, unit="%", goal=100, n=tried,
               note=note + (f"; missed {', '.join(missed[:5])}" if missed else "")),
    ]  # fmt: skip


def _changes(path: Path, flips: int) -> list[tuple[str, Path]]:
    made = [
        (f"bit at {k / flips:.2f}", flipped(path, path.with_stem(f"flip{k}-{path.stem}"), (k + 0.5) / flips))
        for k in range(flips)
    ]
    data = path.read_bytes()
    for number, words in enumerate(words for words in WORDS if words in data):
        said = path.with_stem(f"words{number}-{path.stem}")
        said.write_bytes(data.replace(words, words[:-1] + b"_"))
        made.append((f"{words.decode()} written over", said))
    for share in (0.99, 0.6):
        short = path.with_stem(f"short{int(100 * share)}-{path.stem}")
        short.write_bytes(data[: int(share * len(data))])
        made.append((f"cut to {share:.0%}", short))
    return made
