"""Which mark belongs to which output: it turns a mark that survived into a name and a manifest, offline.

Registry(path or URL)      SQLite by default, PostgreSQL by URL; `add`, `settle`, `by_mark`, `by_binding` ...
open_registry(folder)      the one beside the keys, or the one that $VASARI_REGISTRY names
Entry, now()               what is kept of an output
tokens                     who may write through the service
tables, migrations         what lies in the database, and how an older one is brought up to date
"""

from typing import TYPE_CHECKING

from media.lazy import lazily
from provenance.registry.entries import ENVIRONMENT, FILE, Entry, now

if TYPE_CHECKING:
    from provenance.registry.store import Registry, open_registry

__all__ = ["ENVIRONMENT", "FILE", "Entry", "Registry", "now", "open_registry"]

# Loaded when first asked for: the database costs a seventh of a second, and most files that are looked at bear no mark.
__getattr__ = lazily(__name__, {"Registry": "store", "open_registry": "store"})
