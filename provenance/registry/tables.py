"""The registry's tables, the same for SQLite and PostgreSQL.

outputs     one row an output: `Entry`
manifests   C2PA manifest stores by the label of their active manifest
bindings    which soft binding (algorithm, value as in the manifest) names which manifest
prints      perceptual hashes of an output's pictures and sound, to compare content with
tokens      who may write through the service; secrets only as hashes
revisions   which migrations have been run
"""

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, String, Table

METADATA = MetaData()

OUTPUTS = Table(
    "outputs",
    METADATA,
    Column("mark", String, primary_key=True),
    Column("sound_mark", String, nullable=False),
    Column("manifest", String, nullable=False),
    Column("manifest_sha256", String, nullable=False),
    Column("file_sha256", String, nullable=False),
    Column("made", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("command", String, nullable=False),
    Column("portrait_sha256", String, nullable=False),
    Column("nobody", Integer, nullable=False),
)
OUTPUTS_SOUND = Index("outputs_sound", OUTPUTS.c.sound_mark)
OUTPUTS_FILE = Index("outputs_file", OUTPUTS.c.file_sha256)
OUTPUTS_MANIFEST = Index("outputs_manifest", OUTPUTS.c.manifest)

MANIFESTS = Table(
    "manifests",
    METADATA,
    Column("label", String, primary_key=True),  # urn:c2pa:...
    Column("store", LargeBinary, nullable=False),  # JUMBF, as application/c2pa
    Column("added", String, nullable=False),  # ISO 8601, UTC
    Column("source", String, nullable=False),  # "" for our own outputs, else the name of the token that brought it
)

BINDINGS = Table(
    "bindings",
    METADATA,
    Column("alg", String, primary_key=True),
    Column("value", String, primary_key=True),
    Column("label", String, primary_key=True),
)
BINDINGS_LABEL = Index("bindings_label", BINDINGS.c.label)

PRINTS = Table(
    "prints",
    METADATA,
    Column("mark", String, primary_key=True),
    Column("still", LargeBinary, nullable=False),  # short hash of what the pictures show on average: scanned first
    Column("data", LargeBinary, nullable=False),  # `provenance.marks.fingerprint.Fingerprint.to_bytes`
)

TOKENS = Table(
    "tokens",
    METADATA,
    Column("name", String, primary_key=True),
    Column("sha256", String, nullable=False, unique=True),  # of the secret; the secret itself is kept nowhere
    Column("created", String, nullable=False),
    Column("expires", String, nullable=False),  # "" for never
    Column("revoked", String, nullable=False),  # when, "" while it is good
    # PEM of the roots below which its holder signs; "" for the service's own maker. Since revision 3.
    Column("anchors", String, nullable=False, server_default=""),
)

REVISIONS = Table("revisions", METADATA, Column("number", Integer, primary_key=True, autoincrement=False))
