"""Mutation fuzzing of verification: `python tests/helpers/fuzz.py FOLDER [--minutes 10] [--seed 0]`.

Starts from `hostile.py`, changes files by chance, and asks for a verdict in a process that may be ended. What is
answered in a new way (state, failures, kind of refusal) joins the corpus in FOLDER/corpus, and is changed further. What
crashes, hangs, or raises anything but our errors is kept in FOLDER/found, and the exit code is 1.
"""

import argparse
import json
import random
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from hostile import LENGTHS, NAMES, hostile, seeds

from media.errors import VasariError
from provenance import Keys, verify
from provenance.credentials import elsewhere
from provenance.read.recovery import read_manifest
from vasari.scanning import Worker
from vasari.scanning.worker import Gone

HANG = 60.0  # seconds for one file; four times that where marks are searched for
SLOW = 15.0  # seconds after which a file that is not searched for marks is worth a look
MARKS = 25  # one file in so many is searched for marks too, which takes long
LARGEST = 400_000  # bytes of a file


def opening(folder: str) -> Callable[[tuple[str, bool]], tuple[str, str]]:
    """What judges one file in a process: a word that tells answers apart, and a traceback where something is wrong."""
    keys = Keys.open(folder)
    root = [Path(folder) / "root.pem"]

    def look(task: tuple[str, bool]) -> tuple[str, str]:
        path, marks = Path(task[0]), task[1]
        try:
            if path.suffix == elsewhere.SUFFIX:
                read_manifest(path.read_bytes())
                return "store", ""
            verdict = verify(path, keys=keys) if marks else verify(path, anchors=root)
            said = verdict.credentials
            verdict.model_dump_json()
            return f"{verdict.exit_code} {said.state} {said.trust} {said.source} {' '.join(said.failures)}"[:200], ""
        except VasariError as error:
            words = re.sub(r"[0-9]+|'[^']*'", "#", str(error).replace(str(path), ""))
            return f"{type(error).__name__} {words}"[:120], ""
        except MemoryError:
            return "memory", ""
        except Exception:
            return "odd", traceback.format_exc()

    return look


def mutated(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Changed in 1 to 30 places; `other` is a file to take pieces from."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 30))):
        if len(out) < 8:
            break
        at = rng.randrange(len(out)) if rng.random() < 0.5 else rng.randrange(min(len(out), 20_000))
        way = rng.randrange(8)
        if way == 0:
            out[at] ^= 1 << rng.randrange(8)
        elif way == 1:
            out[at : at + 4] = rng.choice(LENGTHS).to_bytes(4, "big")
        elif way == 2:
            out[at : at + 1] = rng.randbytes(rng.randrange(1, 9))
        elif way == 3:
            del out[at : at + rng.randrange(1, 2000)]
        elif way == 4:
            out[at:at] = out[at : at + rng.randrange(1, 3000)] * rng.choice((1, 2, 20))
        elif way == 5:
            start = rng.randrange(len(other)) if other else 0
            out[at : at + 500] = other[start : start + rng.randrange(1, 2000)]
        elif way == 6:
            del out[max(at, 20) :]
        else:
            places = [place for place in (out.find(name, at) for name in NAMES) if place > 4]
            if places:
                place = rng.choice(places)
                out[place - 4 : place] = rng.choice((rng.getrandbits(32), rng.choice(LENGTHS))).to_bytes(4, "big")
    return bytes(out[:LARGEST])


class Fuzzer:
    """The corpus, the process that is asked, and what came of it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.rng = folder, random.Random(seed)
        for name in ("corpus", "found", "work"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        keys = Keys.open(folder / "keys")
        self.sources = seeds(folder / "seeds", keys)
        self.store = (folder / "seeds" / "beside.bmp.c2pa").read_bytes()
        self.worker = Worker(opening, (str(keys.folder),))
        self.answers: Counter[str] = Counter()
        self.corpus: list[tuple[str, bytes]] = []
        self.runs, self.found = 0, 0
        self.slowest = dict.fromkeys((False, True), (0.0, ""))

    def begin(self, until: float) -> None:
        """Look at the seeds, at every hostile file, and at what earlier runs kept."""
        kept = [(path.name, path.read_bytes()) for path in sorted((self.folder / "corpus").iterdir())]
        for path in self.sources:
            self.look(path.name, path.read_bytes(), keep=True)
        for name, data in [*kept, *hostile(self.sources)]:
            if time.monotonic() > until:
                return
            self.look(name, data)

    def step(self) -> None:
        """Change one file of the corpus and look at it."""
        name, data = self.rng.choice(self.corpus)
        _, other = self.rng.choice(self.corpus)
        self.look(name, mutated(data, other, self.rng))

    def look(self, name: str, data: bytes, *, keep: bool = False) -> None:
        """Ask about one file; keep it if the answer is new or wrong."""
        suffix = Path(name).suffix
        path = self.folder / "work" / f"case{suffix}"
        path.write_bytes(data)
        if suffix == ".bmp":  # its credentials lie beside it: now they are changed, now it is
            changed = self.runs % 2
            elsewhere.beside(path).write_bytes(mutated(self.store, data, self.rng) if changed else self.store)
        self.worker.start()
        self.worker.ready()
        marks = self.runs % MARKS == MARKS - 1
        started, why = time.monotonic(), ""
        try:
            self.worker.ask((str(path), marks))
            if self.worker.pipe.poll(4 * HANG if marks else HANG):
                answer, why = self.worker.answer()
            else:
                self.worker.end()
                answer = "hang"
        except Gone:
            answer = "crash"
        except VasariError as error:
            answer = f"worker {error}"[:80]
        took = time.monotonic() - started
        self.runs += 1
        self.slowest[marks] = max(self.slowest[marks], (took, name))
        new = answer not in self.answers
        self.answers[answer] += 1
        if answer in ("hang", "crash", "odd") or (took > SLOW and not marks):
            self.found += 1
            stem = f"{answer.split()[0]}-{self.runs}"
            (self.folder / "found" / f"{stem}{suffix}").write_bytes(data)
            (self.folder / "found" / f"{stem}.txt").write_text(f"{name} {took:.1f} s\n{why}")
        elif new or keep:
            self.corpus.append((name, data))
            if not keep:
                (self.folder / "corpus" / f"{len(self.corpus):04}{suffix}").write_bytes(data)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    until = time.monotonic() + 60 * given.minutes
    fuzzer = Fuzzer(given.folder, given.seed)
    fuzzer.begin(until)
    while time.monotonic() < until:
        fuzzer.step()
    fuzzer.worker.end()
    bad = {name: fuzzer.answers[name] for name in ("crash", "hang", "odd")}
    told = {"runs": fuzzer.runs, "kinds_of_answer": len(fuzzer.answers), **bad,
            "slowest": fuzzer.slowest[False], "slowest_with_marks": fuzzer.slowest[True],
            "most": dict(fuzzer.answers.most_common(12))}  # fmt: skip
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
    return 1 if any(bad.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
