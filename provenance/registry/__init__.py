"""Which mark belongs to which output: it turns a mark that survived into a name and a manifest, offline.

Registry(path or URL)      SQLite by default, PostgreSQL by URL; `add`, `settle`, `by_mark`, `by_binding` ...
open_registry(folder)      the one beside the keys, or the one that $VASARI_REGISTRY names
Entry, now()               what is kept of an output
tokens                     who may write through the service
"""

from provenance.registry.entries import FILE, Entry, now
from provenance.registry.store import ENVIRONMENT, Registry, open_registry

__all__ = ["ENVIRONMENT", "FILE", "Entry", "Registry", "now", "open_registry"]
