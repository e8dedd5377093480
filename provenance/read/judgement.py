"""The joint verdict: credentials, picture mark and sound mark against each other. Pure logic, no files.

    credentials          marks                                     verdict         exit
    valid, trusted       agree with the soft binding               known_maker     0
    valid, trusted       none, or not readable                     known_maker     0
    valid, trusted       of another clip, or not mentioned         tampered        4   also by what was opened
    valid, trusted       of what is generated, and they do not say tampered        4
    valid, any           picture or sound outside the hash         tampered        4   metadata outside is told alone
    any, several sets    any                                       tampered        4   which was believed is told
    valid, trusted       any; a visible label is stated, not seen  tampered        4   else told beside the verdict
    valid, revoked       none, or of the same clip                 nothing_found   3
    valid, revoked       of another clip                           tampered        4
    valid, expired       none, or of this very file                nothing_found   3   no trusted time stamp
    valid, expired       of another file                           tampered        4   signed by nobody knows whom
    valid, untrusted     none of this maker's                      nothing_found   3
    valid, untrusted     this maker's mark                         tampered        4   re-signed by somebody else
    invalid              any                                       tampered        4
    absent               found or noticed                          tampered        4   credentials removed; maker told,
                                                                                       manifest recovered where kept
    absent               found, on content of something else       tampered        4   a mark that was copied
    absent               picture and sound of different clips      tampered        4
    absent               videos of which one bears another         tampered        4   a player may show any
    absent               none                                      nothing_found   3
    unreadable           as absent                                                     damaged, or what holds them is

"Valid is not trusted": anybody can make a certificate with anybody's name. Only a chain to an anchor that the verifier
chose makes a maker known, and a certificate that has expired or was revoked only with a trusted time stamp from before.
A mark is secret-keyed, so it names this maker without credentials; but as the credentials
are gone, what else was done to the file is unknown, hence never 0.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from media.words import plain, quoted
from provenance.exits import EXIT_KNOWN, EXIT_NOTHING, EXIT_TAMPERED
from provenance.read import findings
from provenance.read.findings import PRESENT, bound
from provenance.read.verdict import Credentials, Mark, Origin, Recovered, Track, Visible
from provenance.registry import Entry

if TYPE_CHECKING:
    from provenance.registry import Registry

RECORDED = ("digitalCapture", "computationalCapture")  # digital source types (IPTC)
HOW = {
    "trainedAlgorithmicMedia": "AI-generated",
    "compositeWithTrainedAlgorithmicMedia": "AI-generated in part",
    "compositeSynthetic": "AI-generated in part",
    "algorithmicMedia": "computer graphics",
    "compositeCapture": "mixed of photographs",
}
"""How something was made, in words, by its digital source type."""
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
EDITED = frozenset({"algorithmicallyEnhanced", "humanEdits"})
CODES = {"known_maker": EXIT_KNOWN, "nothing_found": EXIT_NOTHING, "tampered": EXIT_TAMPERED}
WHERE = {"": "", "file": "", "sidecar": " in the sidecar file", "remote": " that were fetched"}
OTHERS = "mark"  # command, in the registry, that lays marks over what others made


def judge(
    credentials: Credentials,
    picture: Mark,
    sound: Mark,
    *,
    keys: Collection[str],
    entry: Entry | None = None,
    recovered: Recovered | None = None,
    untouched: bool = False,
    others: Sequence[Track] = (),
    generated: bool | None = None,
    label: Visible | None = None,
    unseen: str = "",
    alone: bool = False,
) -> dict[str, Any]:
    """Fields verdict, exit_code, summary, reasons, agreement and origin of a `Verdict`.

    Args:
        keys: identities of the watermark keys that were used to look for marks.
        entry: what the marks name in the registry.
        recovered: what the registry kept of it, compared with the file.
        untouched: the file is the very one that was registered, byte by byte.
        others: further tracks, and their marks.
        generated: what is registered, or a part of it, is; by its command when left out.
        label: the visible label, where credentials speak of one.
        unseen: why neither pictures nor sound were looked at; "" where they were.
        alone: the file is nothing but credentials.
    """
    made = (entry is not None and entry.command != OTHERS) if generated is None else generated
    sure, unsure = findings.strange(recovered, picture)
    clashes = findings.clashes(credentials, picture, sound, keys, entry, others, made) + sure
    marked = [name for name, mark in (("picture", picture), ("sound", sound)) if mark.state in PRESENT]
    marked += [f"{track.kind} track {track.number}" for track in others if track.mark.state in PRESENT]
    verdict, summary, reasons = _found(
        credentials, picture, sound, marked, clashes, keys, entry, recovered, untouched, unsure, alone
    )
    if unseen and not alone:
        seen = f"only its credentials were looked at: it {unseen}"
        reasons = [*(reason for reason in reasons if reason not in _unmarked(keys)), seen]
    if several := findings.several_stores(credentials):
        summary = summary if verdict == "tampered" else f"contradictory: {several}"
        verdict, reasons = "tampered", [several, *reasons]
    verdict, summary = _unlabelled(verdict, summary, findings.unlabelled(label))
    reasons += [*findings.several("pictures", picture), *findings.several("sound", sound), *findings.labelled(label)]
    if others:
        reasons.append(f"{1 + len(others)} tracks were looked at, the one that players choose first")
    reasons += [*findings.identified(credentials.identities), *findings.outside(credentials)]
    reasons += [*findings.announced(credentials), *_noted(credentials)]
    compared = (bound(credentials) and credentials.binding_key in keys) or len(marked) > 1
    return {
        "verdict": verdict,
        "exit_code": CODES[verdict],
        "summary": summary,
        "reasons": list(dict.fromkeys(reasons)),
        "agreement": "contradict" if clashes else "agree" if compared and marked else "not_applicable",
        "origin": _origin(entry, recovered, made),
    }


def _found(
    credentials: Credentials,
    picture: Mark,
    sound: Mark,
    marked: list[str],
    clashes: list[str],
    keys: Collection[str],
    entry: Entry | None,
    recovered: Recovered | None,
    untouched: bool,
    unsure: list[str],
    alone: bool,
) -> tuple[str, str, list[str]]:
    """Verdict, summary and reasons by the credentials, and by the marks where there are none that hold."""
    if alone:
        verdict, summary = "nothing_found", f"credentials by themselves, signed by {quoted(credentials.signer)}"
        reasons = [f"what they are of is not here, so nothing can be held against them; {credentials.title!r} by name"]
    elif credentials.state == "invalid":
        verdict, summary = "tampered", f"tampered: the credentials{WHERE[credentials.source]} do not fit the file"
        reasons = [f"credentials invalid: {findings.explained(credentials.failures)}", *clashes]
        reasons += [f"the {name} still bears this maker's mark" for name in marked]
    elif credentials.state == "valid":
        verdict, summary, reasons = _signed(credentials, picture, sound, marked, clashes, untouched)
        reasons = [*reasons, *findings.broken(credentials.opened)]
    elif marked:
        verdict, summary, reasons = _stripped(credentials, marked, clashes, picture, sound, entry, recovered)
        reasons += [*findings.weak(picture, sound, entry, recovered), *unsure]
    elif credentials.state == "unreadable":
        verdict, summary = "nothing_found", "no known maker: there are credentials, but they cannot be read"
        reasons = [*map(plain, credentials.failures), *_unmarked(keys)]
    else:
        verdict, summary = "nothing_found", "nothing found: no credentials and no mark of this key"
        reasons = ["no credentials", *_unmarked(keys)]
    return verdict, summary, reasons


def _unlabelled(verdict: str, summary: str, gone: str) -> tuple[str, str]:
    """Verdict and summary with what became of a visible label, "" where that is as it should be."""
    if gone and verdict == "known_maker":
        return "tampered", f"contradictory: the credentials hold, but {gone}"
    return verdict, f"{summary}; {gone}" if gone and verdict == "tampered" else summary


def _noted(credentials: Credentials) -> list[str]:
    """What is to be said of how they lie in the file."""
    notes = [note for note in credentials.notes if credentials.source != "file" or note.startswith("odd")]
    return [plain(note) for note in (*credentials.live, *notes)]


def _unmarked(keys: Collection[str]) -> list[str]:
    return ["no mark of this key" if keys else "marks were not looked for: no watermark key"]


def _stripped(
    credentials: Credentials,
    marked: list[str],
    clashes: list[str],
    picture: Mark,
    sound: Mark,
    entry: Entry | None,
    recovered: Recovered | None,
) -> tuple[str, str, list[str]]:
    """Verdict, summary and reasons for a mark without credentials that can be read."""
    others = "marked with this key, as others made it" if entry and entry.command == OTHERS else ""
    words = others or ("made with this key" if entry else "marked with this key")
    where = " and ".join(marked)
    gone = "credentials were removed"
    if credentials.state == "unreadable":
        gone = "the credentials cannot be read"
    summary = f"{gone}; the mark in the {where} says: {words}"
    reasons = [*map(plain, credentials.failures)] or ["no credentials, but a keyed mark"]
    reasons += clashes
    if entry and entry.kind == "live":
        summary = f"no credentials, but sent live with some; the mark in the {where} says: made with this key"
        closed = f"the closed file is registered as {entry.manifest}" if entry.manifest else "it was never closed"
        lost = "its segments were signed, and who recorded or coded it anew dropped that, or somebody removed it"
        reasons.append(f"sent live from {entry.made}: {lost}; {closed}")
    elif entry:
        reasons.append(f"registered {entry.made} as {entry.manifest}")
        if recovered is not None and not clashes:
            summary = _told(recovered, others, gone) or summary
        reasons += _reasons(recovered)
    elif "found" in (picture.state, sound.state):
        reasons.append("the mark is not in this registry: laid with this key on another machine, or copied or moved")
    else:  # a pattern can be laid on anything without the key, from a single picture
        summary = (
            f"{gone.replace('were removed', 'are missing')}; traces of this key's mark in the {where}, not readable"
        )
        reasons.append("of an output that was altered since, or copied or moved from one: an unread mark names nobody")
    return "tampered", summary, reasons


def _told(recovered: Recovered, others: str, gone: str) -> str:
    """One line of what was recovered, "" where the registry holds no manifest that may be believed. `others`: words
    for what others made, "" for what was made here."""
    if recovered.manifest != "valid" or recovered.trust != "trusted":
        return ""
    content = findings.content(recovered)
    content = f"; {content}" if content else ""
    done = "marked, as others made it," if others else "made"
    since = f"{gone} since" if gone.endswith("removed") else gone
    return f"recovered: {done} by {quoted(recovered.signer)}{_day(recovered.made)}; {since}{content}"


def _reasons(recovered: Recovered | None) -> list[str]:
    if recovered is None:
        return []
    found = {
        "valid": f"the registry has its manifest, intact, signed by {quoted(recovered.signer)} ({recovered.trust})",
        "invalid": "the registry has a manifest for it that does not hold",
        "absent": "the registry has no manifest for it, only its name",
    }
    return [found[recovered.manifest], *findings.compared(recovered)]


def _signed(
    credentials: Credentials, picture: Mark, sound: Mark, marked: list[str], clashes: list[str], untouched: bool
) -> tuple[str, str, list[str]]:
    """Verdict, summary and reasons for valid credentials."""
    signer = quoted(credentials.signer)
    if hidden := [item.what for item in credentials.uncovered if not item.metadata]:
        summary = f"contradictory: the signature leaves out what is seen or heard ({plain(', '.join(hidden), 200)})"
        return "tampered", summary, [f"credentials of {signer} are valid, and vouch for none of that", *clashes]
    if credentials.trust in ("revoked", "expired"):
        gone = f"was revoked {credentials.revoked}" if credentials.revoked else f"expired {credentials.expired}"
        reason = f"the certificate of {signer} {gone}"
        reasons = [reason, _when(credentials) or "no time stamp shows that it signed before", *clashes]
        reasons += [f"the {name} bears this maker's mark" for name in marked]
        if clashes:
            return "tampered", f"contradictory: the marks do not fit credentials whose certificate {gone}", reasons
        if credentials.trust == "expired" and marked and not untouched:
            return "tampered", f"contradictory: bears this maker's mark, but {reason}", reasons
        if untouched:
            reasons.append("the registry knows this very file")
        return "nothing_found", f"no known maker: {reason}", reasons
    if credentials.trust != "trusted":
        reason = f"credentials are intact, but {signer} leads to no trusted anchor"
        if marked:
            summary = "contradictory: bears this maker's mark under the credentials of somebody unknown"
            return "tampered", summary, [reason, f"mark of this key in the {' and '.join(marked)}", *clashes]
        return "nothing_found", f"no known maker: intact credentials of {signer}, not trusted", [reason]
    if clashes:
        return "tampered", f"contradictory: {clashes[0]}", clashes
    return "known_maker", _intact(credentials), _vouched(credentials, picture, sound)


def _intact(credentials: Credentials) -> str:
    """One sentence, to be quoted, for what a known maker signed and nobody changed."""
    signer = quoted(credentials.signer)
    where = {"sidecar": ", says a sidecar file", "remote": ", say fetched credentials"}.get(credentials.source, "")
    names = sorted({plain(item.what, 40) for item in credentials.uncovered if not item.what.startswith("box ")})
    but = f", but for {', '.join(names)}, which the signature leaves out" if names else ""
    damaged = "; what it was made of had been changed under its credentials" if _broken(credentials) else ""
    if credentials.action != "c2pa.opened":
        how = HOW.get(
            credentials.digital_source_type, "AI-generated, at least in part" if credentials.generated else ""
        )
        done = f"{how}: made" if how else "made"
        signed = "signed and marked" if bound(credentials) else "signed"
        return f"{done} by {signer}{_day(credentials.made)}, {signed}, unaltered since{but}{where}{damaged}"
    as_it_was = "as a camera recorded it" if credentials.digital_source_type in RECORDED else "as others made it"
    done = f"{'marked' if bound(credentials) else 'signed'}, {as_it_was},"
    if credentials.digital_source_type in EDITED:
        done = "edited"
    if credentials.generated and not bound(credentials):
        done = "signed, over what is generated,"
    return f"{done} by {signer} and intact{but}{where}{damaged}"


def _day(made: str) -> str:
    """ " on 3 May 2026" of a time as credentials state it, "" of none."""
    try:
        day = dt.datetime.fromisoformat(made)
    except ValueError:
        return ""
    return f" on {day.day} {MONTHS[day.month - 1]} {day.year}"


def _broken(credentials: Credentials) -> bool:
    return any(item.state == "broken" for item in credentials.opened)


def _vouched(credentials: Credentials, picture: Mark, sound: Mark) -> list[str]:
    """Why it is known."""
    reasons = [f"credentials valid, signed by {quoted(credentials.signer)}, a trusted chain"]
    reasons.append(_when(credentials) or "no time stamp: when it was signed is the maker's word alone")
    if credentials.revoked:
        reasons.append(f"its certificate was revoked later, {credentials.revoked}")
    opened = set(credentials.opened_bindings)
    for name, mark, promised in (
        ("picture", picture, credentials.soft_binding),
        ("sound", sound, credentials.sound_binding),
    ):
        if mark.state == "found":
            reasons.append(f"the {name} mark agrees" + ("" if promised else " with the credentials of what was opened"))
        elif promised and mark.state == "not_checked":
            reasons.append(f"the {name} mark was not looked for: no watermark key")
        elif promised:
            reasons.append(f"the {name} mark could not be read; the signature alone vouches for the {name}")
    if opened and credentials.generated and credentials.action == "c2pa.opened":
        reasons.append("the credentials of the file that was opened say that it is generated")
    return reasons


def _when(credentials: Credentials) -> str:
    """What the time stamp says, in words; "" where there is none."""
    stamp = credentials.timestamp
    if stamp is None:
        return ""
    if stamp.trust == "invalid":
        return "the time stamp of the signature does not hold"
    by = f"stamped {stamp.time} by {quoted(stamp.authority)}"
    return by if stamp.trust == "trusted" else f"{by}, whose word on times is not trusted here"


def lookup(picture: Mark, sound: Mark, registry: "Registry | None", others: Sequence[Track] = ()) -> Entry | None:
    """What the marks name: the picture's message first, it is the longer one; tracks that are not shown last."""
    if registry is None:
        return None
    videos = [track.mark for track in others if track.kind == "video"]
    sounds = [track.mark for track in others if track.kind == "sound"]
    for mark in (picture, *videos):
        if mark.state == "found" and (entry := registry.by_mark(mark.message)):
            return entry
    for mark in (sound, *sounds):
        if mark.state == "found" and (found := registry.by_sound_mark(mark.message)):
            return found[0]
    return None


def _origin(entry: Entry | None, recovered: Recovered | None, generated: bool) -> Origin | None:
    if entry is None:
        return None
    return Origin(
        manifest=entry.manifest,
        made=entry.made,
        command=entry.command,
        file_sha256=entry.file_sha256,
        portrait_sha256=entry.portrait_sha256,
        nobody=bool(entry.nobody),
        generated=generated,
        recovered=recovered,
    )
