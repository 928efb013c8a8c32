"""The table of the outbox. `metadata.create_all(engine)` makes it, or Alembic: `target_metadata = [Base.metadata, metadata]`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

OUTBOX = Table(
    "octoworker_outbox",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("message_id", String(32), nullable=False, index=True),
    Column("lane", String(8), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("wording", String(64), nullable=False),
    Column("payload", Text, nullable=False),
    Column("people", Integer, nullable=False),
    Column("created", DateTime, nullable=False),
    Column("problem", String(200), nullable=False, default="", server_default=""),
    Index("ix_octoworker_outbox_next", "problem", "id"),
)
"""One message a row, in the form in which it is taken: number and text in clear, until octoworker has it. `created` is in UTC;
`problem` says why the relay leaves it where it is."""
