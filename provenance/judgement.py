"""The joint verdict: credentials, picture mark and sound mark against each other. Pure logic, no files.

    credentials          marks                                     verdict         exit
    valid, trusted       agree with the soft binding               known_maker     0
    valid, trusted       not promised, or not readable             known_maker     0
    valid, trusted       of another clip                           tampered        4
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
    absent               none                                      nothing_found   3

"Valid is not trusted": anybody can make a certificate with anybody's name. Only a chain to an anchor that the verifier
chose makes a maker known, and a certificate that has expired or was revoked only with a trusted time stamp from before.
A mark is secret-keyed, so it names this maker without credentials; but as the credentials
are gone, what else was done to the file is unknown, hence never 0.
"""

from collections.abc import Collection
from typing import Any

from provenance.exits import EXIT_KNOWN, EXIT_NOTHING, EXIT_TAMPERED
from provenance.registry import Entry, Registry
from provenance.verdict import Credentials, Mark, Origin, Recovered

CODES = {"known_maker": EXIT_KNOWN, "nothing_found": EXIT_NOTHING, "tampered": EXIT_TAMPERED}
WHERE = {"": "", "file": "", "sidecar": " in the sidecar file", "remote": " that were fetched"}
PRESENT = ("found", "noticed")


def judge(
    credentials: Credentials,
    picture: Mark,
    sound: Mark,
    *,
    keys: Collection[str],
    entry: Entry | None = None,
    recovered: Recovered | None = None,
    untouched: bool = False,
) -> dict[str, Any]:
    """Fields verdict, exit_code, summary, reasons, agreement and origin of a `Verdict`.

    Args:
        keys: identities of the watermark keys that were used to look for marks.
        entry: what the marks name in the registry.
        recovered: what the registry kept of it, compared with the file.
        untouched: the file is the very one that was registered, byte by byte.
    """
    clashes = _clashes(credentials, picture, sound, keys, entry, recovered) + _strange(recovered)
    marked = [name for name, mark in (("picture", picture), ("sound", sound)) if mark.state in PRESENT]
    if credentials.state == "invalid":
        verdict, summary = "tampered", f"tampered: the credentials{WHERE[credentials.source]} do not fit the file"
        reasons = [f"credentials invalid: {', '.join(credentials.failures) or 'damaged'}", *clashes]
        reasons += [f"the {name} still bears this maker's mark" for name in marked]
    elif credentials.state == "valid":
        verdict, summary, reasons = _signed(credentials, picture, sound, clashes, untouched)
    elif marked:
        verdict = "tampered"
        others = "marked with this key, as others made it" if entry and entry.command == "mark" else ""
        words = others or ("made with this key" if entry else "marked with this key")
        summary = f"credentials were removed; the mark in the {' and '.join(marked)} says: {words}"
        reasons = ["no credentials, but a keyed mark", *clashes]
        if entry and entry.kind == "live":
            where = " and ".join(marked)
            summary = f"no credentials, as of something sent live; the mark in the {where} says: made with this key"
            closed = f"the closed file is registered as {entry.manifest}" if entry.manifest else "it was never closed"
            reasons.append(f"sent live from {entry.made}: what was recorded of it bears marks alone; {closed}")
        elif entry:
            reasons.append(f"registered {entry.made} as {entry.manifest}")
            if recovered is not None and not clashes:
                summary = _told(recovered, others) or summary
            reasons += _reasons(recovered)
        elif "found" in (picture.state, sound.state):
            reasons.append("the mark is not in this registry: laid with this key on another machine")
    else:
        verdict, summary = "nothing_found", "nothing found: no credentials and no mark of this key"
        reasons = ["no credentials"]
        reasons.append("no mark of this key" if keys else "marks were not looked for: no watermark key")
    if credentials.source in ("sidecar", "remote") or credentials.remote:
        reasons = [*reasons, *(note for note in credentials.notes if not note.startswith("outside"))]
    compared = (_bound(credentials) and credentials.binding_key in keys) or len(marked) == 2
    return {
        "verdict": verdict,
        "exit_code": CODES[verdict],
        "summary": summary,
        "reasons": reasons,
        "agreement": "contradict" if clashes else "agree" if compared and marked else "not_applicable",
        "origin": _origin(entry, recovered),
    }


def _told(recovered: Recovered, others: str) -> str:
    """One line of what was recovered, "" where the registry holds no manifest that may be believed. `others`: words
    for what others made, "" for what was made here."""
    if recovered.manifest != "valid" or recovered.trust != "trusted":
        return ""
    same = "; the content is as registered" if "same" in (recovered.pictures, recovered.sound) else ""
    done = "marked, as others made it," if others else "made"
    return f"recovered: {done} by '{recovered.signer}' {recovered.made}; credentials were removed since{same}"


def _reasons(recovered: Recovered | None) -> list[str]:
    if recovered is None:
        return []
    found = {
        "valid": f"the registry has its manifest, intact, signed by '{recovered.signer}' ({recovered.trust})",
        "invalid": "the registry has a manifest for it that does not hold",
        "absent": "the registry has no manifest for it, only its name",
    }
    reasons = [found[recovered.manifest]]
    for name, state in (("pictures", recovered.pictures), ("sound", recovered.sound)):
        if state == "same":
            reasons.append(f"the {name}: as registered (similarity of all {recovered.similarity:.2f})")
        elif state == "unsure":
            reasons.append(f"the {name}: altered too much to tell whether they are what was registered")
    return reasons


def _strange(recovered: Recovered | None) -> list[str]:
    """What is not as it was registered."""
    if recovered is None:
        return []
    found = []
    if recovered.pictures == "other":
        found.append("the pictures are not those that were registered: the mark lies on other footage")
    if recovered.sound == "other":
        found.append("the sound is not the one that was registered")
    return found


def _signed(
    credentials: Credentials, picture: Mark, sound: Mark, clashes: list[str], untouched: bool
) -> tuple[str, str, list[str]]:
    """Verdict, summary and reasons for valid credentials."""
    marked = [name for name, mark in (("picture", picture), ("sound", sound)) if mark.state in PRESENT]
    if credentials.trust in ("revoked", "expired"):
        gone = f"was revoked {credentials.revoked}" if credentials.revoked else f"expired {credentials.expired}"
        reason = f"the certificate of '{credentials.signer}' {gone}"
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
        reason = f"credentials are intact, but '{credentials.signer}' leads to no trusted anchor"
        if marked:
            summary = "contradictory: bears this maker's mark under the credentials of somebody unknown"
            return "tampered", summary, [reason, f"mark of this key in the {' and '.join(marked)}", *clashes]
        return "nothing_found", f"no known maker: intact credentials of '{credentials.signer}', not trusted", [reason]
    if clashes:
        return "tampered", "contradictory: the marks do not fit the credentials", clashes
    reasons = [f"credentials valid, signed by '{credentials.signer}', a trusted chain"]
    if credentials.timestamp is not None:
        reasons.append(_when(credentials))
    if credentials.revoked:
        reasons.append(f"its certificate was revoked later, {credentials.revoked}")
    for name, mark, promised in (
        ("picture", picture, credentials.soft_binding),
        ("sound", sound, credentials.sound_binding),
    ):
        if mark.state == "found":
            reasons.append(f"the {name} mark agrees")
        elif promised and mark.state == "not_checked":
            reasons.append(f"the {name} mark was not looked for: no watermark key")
        elif promised:
            reasons.append(f"the {name} mark could not be read; the signature alone vouches for the {name}")
    done = "made"
    if credentials.action == "c2pa.opened":
        done = f"{'marked' if _bound(credentials) else 'signed'}, as others made it,"
    where = {"sidecar": ", says a sidecar file", "remote": ", say fetched credentials"}.get(credentials.source, "")
    return "known_maker", f"{done} by '{credentials.signer}' and intact{where}", reasons


def _when(credentials: Credentials) -> str:
    """What the time stamp says, in words; "" where there is none."""
    stamp = credentials.timestamp
    if stamp is None:
        return ""
    if stamp.trust == "invalid":
        return "the time stamp of the signature does not hold"
    by = f"stamped {stamp.time} by '{stamp.authority}'"
    return by if stamp.trust == "trusted" else f"{by}, whose word on times is not trusted here"


def _bound(credentials: Credentials) -> bool:
    """Whether the credentials promise a mark."""
    return bool(credentials.soft_binding or credentials.sound_binding)


def _clashes(
    credentials: Credentials,
    picture: Mark,
    sound: Mark,
    keys: Collection[str],
    entry: Entry | None,
    recovered: Recovered | None,
) -> list[str]:
    """What contradicts what, in words."""
    found = []
    if _bound(credentials) and credentials.binding_key in keys:
        for name, mark, promised in (
            ("picture", picture, credentials.soft_binding),
            ("sound", sound, credentials.sound_binding),
        ):
            if mark.state == "found" and promised and mark.message != promised:
                found.append(f"the {name} bears mark {mark.message}, its credentials promise {promised}")
            elif mark.state == "found" and not promised:
                found.append(f"the {name} bears mark {mark.message}, its credentials know of none")
            elif mark.state == "absent" and promised and name == "picture" and credentials.state == "invalid":
                found.append("the picture does not bear the mark its credentials promise")
    if picture.state == sound.state == "found" and not picture.message.endswith(sound.message):
        found.append(f"picture and sound come from different outputs ({picture.message}, {sound.message})")
    if credentials.state == "valid":
        return found  # the hash shows that nothing was exchanged: a mark that cannot be read is a weak mark
    kept = ("same", "unsure")  # content that was compared: a mark that cannot be read is then a weak mark too
    heard, seen = (recovered.sound in kept, recovered.pictures in kept) if recovered else (False, False)
    if picture.state == "found" and sound.state == "absent" and entry and entry.sound_mark and not heard:
        found.append("the sound was exchanged: the output was registered with marked sound")
    pictured = not entry or entry.kind != "sound"  # a sound file that was marked may lie under any pictures
    if sound.state == "found" and picture.state == "absent" and pictured and not seen:
        found.append("the pictures were exchanged: only the sound is marked")
    return found


def lookup(picture: Mark, sound: Mark, registry: Registry | None) -> Entry | None:
    """What the marks name: the picture's message first, it is the longer one."""
    if registry is None:
        return None
    if picture.state == "found":
        return registry.by_mark(picture.message)
    if sound.state == "found":
        return next(iter(registry.by_sound_mark(sound.message)), None)
    return None


def _origin(entry: Entry | None, recovered: Recovered | None) -> Origin | None:
    if entry is None:
        return None
    return Origin(
        manifest=entry.manifest,
        made=entry.made,
        command=entry.command,
        file_sha256=entry.file_sha256,
        portrait_sha256=entry.portrait_sha256,
        nobody=bool(entry.nobody),
        recovered=recovered,
    )
