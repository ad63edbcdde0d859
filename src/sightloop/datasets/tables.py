"""The records of this room: datasets, label schemas, versions, annotations, suggestions, quarantine, staged blobs,
standing sources with their credentials and what was pushed to them, schemas of sources, expectations.
"""

from __future__ import annotations

import sqlalchemy as sa

from sightloop.storage import metadata

datasets = sa.Table(
    "datasets",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("schema_id", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.UniqueConstraint("workspace_id", "name", name="uq_datasets_name"),
)

pseudonym_keys = sa.Table(
    "pseudonym_keys",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("sealed_key", sa.String, nullable=False),
)

calibrations = sa.Table(
    "calibrations",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("document", sa.JSON, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.UniqueConstraint("workspace_id", "name", "version", name="uq_calibrations_version"),
)

label_schemas = sa.Table(
    "label_schemas",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("classes", sa.JSON, nullable=False),
    sa.Column("geometry_types", sa.JSON, nullable=False),
    sa.Column("attributes", sa.JSON, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.Column("colours", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("skeleton", sa.JSON, nullable=False, server_default="{}"),
    sa.UniqueConstraint("workspace_id", "name", "version", name="uq_label_schemas_version"),
)

dataset_versions = sa.Table(
    "dataset_versions",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("dataset_id", sa.String, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("hash", sa.String, nullable=False),
    sa.Column("buckets", sa.String, nullable=False),
    sa.Column("parent", sa.String, nullable=False),
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("label_counts", sa.JSON, nullable=False),
    sa.Column("note", sa.String, nullable=False),
    sa.Column("run", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.Column("branch", sa.String, nullable=False, server_default="main"),
    sa.Column("merged", sa.String, nullable=False, server_default=""),  # the version that a merge took in
    sa.Column("base", sa.String, nullable=False, server_default=""),  # the version that its own table differs from
    sa.Column("sequence", sa.BigInteger, nullable=False, server_default="-1"),  # the last change it knows labels of
    sa.UniqueConstraint("workspace_id", "dataset_id", "number", name="uq_dataset_versions_number"),
)

dataset_branches = sa.Table(
    "dataset_branches",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("dataset_id", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("began", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
)

entity_rules = sa.Table(
    "entity_rules",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("field", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),
)

entity_merges = sa.Table(
    "entity_merges",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("into", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
)

revisions = sa.Table(
    "annotations",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("schema_id", sa.String, nullable=False),
    sa.Column("sample", sa.String, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("head", sa.Boolean, nullable=False),
    sa.Column("label", sa.String, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("author_kind", sa.String, nullable=False),
    sa.Column("basis", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.Column("geometry_type", sa.String, nullable=False),
    sa.Column("geometry", sa.JSON, nullable=False),
    sa.Column("attributes", sa.JSON, nullable=False),
    sa.Column("duration_s", sa.Float, nullable=False),
    sa.Column("receipt", sa.String, nullable=False),
    sa.Column("queue_item", sa.String, nullable=False),
    sa.Column("object", sa.String, nullable=False, server_default=""),
    sa.Column("sequence", sa.BigInteger, nullable=False, server_default="0"),  # of the change that wrote it
    sa.UniqueConstraint("workspace_id", "schema_id", "sample", "revision", name="uq_annotations_revision"),
    sa.Index("ix_annotations_head", "workspace_id", "head", "schema_id"),
    sa.Index("ix_annotations_sample", "workspace_id", "sample"),
    sa.Index("ix_annotations_sequence", "workspace_id", "sequence"),
)

suggestions = sa.Table(
    "suggestions",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("schema_id", sa.String, primary_key=True),
    sa.Column("sample", sa.String, primary_key=True),
    sa.Column("model_version", sa.String, nullable=False),
    sa.Column("objects", sa.JSON, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
)

quarantine = sa.Table(
    "quarantine",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("digest", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("detail", sa.String, nullable=False),
    sa.Column("facets", sa.JSON, nullable=False),
    sa.Column("run", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.Column("source", sa.String, nullable=False, server_default=""),
)

staged = sa.Table(
    "staged",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("digest", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
)

source_credentials = sa.Table(
    "source_credentials",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("endpoint", sa.String, nullable=False),
    sa.Column("region", sa.String, nullable=False),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("secrets", sa.Text, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.Column("rotated_at", sa.String, nullable=False),
    sa.UniqueConstraint("workspace_id", "name", name="uq_source_credentials_name"),
)

sources = sa.Table(
    "sources",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("settings", sa.JSON, nullable=False),
    sa.Column("every_s", sa.Float, nullable=False),
    sa.Column("last_run", sa.String, nullable=False),
    sa.Column("looked_at", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.UniqueConstraint("workspace_id", "name", name="uq_sources_name"),
)

source_inbox = sa.Table(
    "source_inbox",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("digest", sa.String, nullable=False),
    sa.Column("given", sa.JSON, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
)

transforms = sa.Table(
    "transforms",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("steps", sa.JSON, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.UniqueConstraint("workspace_id", "name", "number", name="uq_transforms_number"),
)

source_schemas = sa.Table(
    "source_schemas",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("runs", sa.JSON, nullable=False),
    sa.Column("samples", sa.Integer, nullable=False),
    sa.Column("summary", sa.JSON, nullable=False),
    sa.Column("findings", sa.JSON, nullable=False),
    sa.Column("drifted", sa.Boolean, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.Column("accepted_at", sa.String, nullable=False),
)

expectations = sa.Table(
    "expectations",
    metadata,
    sa.Column("workspace_id", sa.String, primary_key=True),
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("scope", sa.String, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("digest", sa.String, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
    sa.UniqueConstraint("workspace_id", "scope", "number", name="uq_expectations_number"),
)
