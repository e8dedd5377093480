"""What is sent live: whether each segment is valid to a validator that shares no code with ours, whether what is done
to a stream is told, how soon its first segment is signed, and what that costs."""

import time

from benchmarks.attacks.streams import ATTACKS, streams
from benchmarks.figures import Figure
from benchmarks.outputs import Maker
from benchmarks.streams import Captured, apart, definition, judged, sent
from media.units import FPS
from provenance import Keys
from provenance.exits import EXIT_KNOWN
from provenance.make.session import Segmented, Session

ROUNDS = 3  # of streams that the first segment's time is taken from
MINUTE = 60  # seconds of a stream that costs are taken from


def measure(made: Maker, quick: bool) -> list[Figure]:
    """live_segments_valid_pct, live_attacks_caught_pct, live_first_credential_s, live_cost_pct."""
    one, two = (sent(made, f"sent{clip}.mp4", clip)[0].parts for clip in (0, 1))
    return [_valid(made, one, two), _caught(made, one, two), _first(made, 1 if quick else ROUNDS), _cost(made, one)]


def _valid(made: Maker, *sent: list[bytes]) -> Figure:
    name, total = "live_segments_valid_pct", sum(len(parts) - 1 for parts in sent)
    try:
        from encypher_c2pa import verify_stream
    except ImportError:
        return Figure(name=name, value=None, unit="%", goal=100, n=0, note="not installed: pip install 'vasari[bench]'")
    root = made.keys.anchor_pem.decode()

    def holds(parts: list[bytes], seeks: list[int]) -> bool:
        report = verify_stream(parts[0], parts[1:], "video/mp4", trust_pem=root, expected_seek_positions=seeks,
                               telemetry=False, online=False)  # fmt: skip
        return report["integrity"] == "valid"

    valid = sum(sum(holds([parts[0], part], [0]) for part in parts[1:]) for parts in sent)
    whole = all(holds(parts, []) for parts in sent)
    note = f"encypher-c2pa, verifiable-segment-info; each by itself, and {len(sent)} streams as a whole"
    return Figure(name=name, value=100 * valid / total if whole else 0.0, unit="%", goal=100, n=total, note=note)


def _caught(made: Maker, one: list[bytes], two: list[bytes]) -> Figure:
    """Of what is done to a stream; of what is nobody's deed, that it is not accused."""
    given = streams(one, two, made.keys, Keys.open(made.folder / "stranger"))
    missed = [attack.name for attack in ATTACKS if judged(attack.made(given), made.keys)[0].exit_code != attack.right]
    innocent = sum(attack.right == EXIT_KNOWN for attack in ATTACKS)
    note = f"{len(ATTACKS) - innocent} attacks, and {innocent} ways to watch that are none"
    share = 1 - len(missed) / len(ATTACKS)
    return Figure(name="live_attacks_caught_pct", value=100 * share, unit="%", goal=100, n=len(ATTACKS),
                  note=note + (f"; not {', '.join(missed)}" if missed else ""))  # fmt: skip


def _first(made: Maker, rounds: int) -> Figure:
    """At the pace of a clock, since the first segment is not there before it is over."""
    took = []
    for number in range(rounds):
        caught, began = sent(made, f"paced{number}.mp4", rounds=1, pace=True)
        took.append(caught.times[1] - began)
    return Figure(name="live_first_credential_s", value=max(took), unit="s", goal=1.5, better="lower", n=rounds,
                  note="from the first moment to the signature behind the first segment, at worst")  # fmt: skip


def _cost(made: Maker, parts: list[bytes]) -> Figure:
    """Of a minute at 40 ms a frame: what is hashed and signed, the beginning among it."""
    head, media = apart(parts)
    whole = [data for data in media if len(data) > 0.5 * max(map(len, media))]
    segmented = Segmented(Captured(), lambda: Session(definition(), made.keys.signer))
    began = time.thread_time()
    segmented.give(head, "head")
    begun = time.thread_time() - began
    for second in range(MINUTE):
        segmented.give(whole[second % len(whole)], "key")
        segmented.close()
    value = 100 * (time.thread_time() - began) / MINUTE
    note = f"processor time, of {MINUTE} s of 512 pixels; {1000 * begun:.1f} ms of it before the first frame is sent"
    return Figure(name="live_cost_pct", value=value, unit="%", goal=3, better="lower", n=MINUTE * FPS, note=note)
