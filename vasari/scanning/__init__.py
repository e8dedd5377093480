"""One question to many files: which they are, processes that look at them, a list of answers that can be gone on with.

sources    arguments of a command -> names of files: folders, globs, lists on standard input, addresses
fetching   a file that lies elsewhere, brought here for as long as it is looked at
worker     a process that looks at files and may be ended: what hangs, crashes or eats memory harms nobody else
scan       files over several workers; one that cannot be read never stops the others
cluster    the same over the machines of a Ray cluster
deciding   what decides an answer besides the file
ledger     answers as JSON lines, and which files have theirs already
survey     all of it: what a command that looks at files calls
"""

from vasari.scanning.cluster import scan_on_ray
from vasari.scanning.fetching import fetched
from vasari.scanning.ledger import Ledger
from vasari.scanning.scan import Answer, scan
from vasari.scanning.sources import sources
from vasari.scanning.survey import survey
from vasari.scanning.worker import Worker

__all__ = ["Answer", "Ledger", "Worker", "fetched", "scan", "scan_on_ray", "sources", "survey"]
