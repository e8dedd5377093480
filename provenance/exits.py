"""Exit codes of the command line, in one place. They are a contract: pipelines branch on them."""

from collections.abc import Iterable

from media.errors import UsageError, VasariError

EXIT_KNOWN = 0  # made by a known maker and intact
EXIT_UNREADABLE = 1  # a file could not be read, or anything else failed
EXIT_USAGE = 2  # the question itself was wrong
EXIT_NOTHING = 3  # no known maker: nothing found, or only credentials of somebody who is not trusted here
EXIT_TAMPERED = 4  # tampered with or contradictory, stripped credentials included
EXIT_SYNTHETIC = 5  # synthetic by detection only (detect, triage)

# Of several files the worst is reported. An unreadable file hides what it is, so it outranks "nothing found".
SEVERITY = (EXIT_KNOWN, EXIT_NOTHING, EXIT_UNREADABLE, EXIT_SYNTHETIC, EXIT_TAMPERED, EXIT_USAGE)


def worst(codes: Iterable[int]) -> int:
    """The exit code for several files."""
    return max(codes, key=SEVERITY.index, default=EXIT_KNOWN)


def exit_code(error: VasariError) -> int:
    """The exit code for an error that ends a command."""
    return EXIT_USAGE if isinstance(error, UsageError) else EXIT_UNREADABLE
