"""A test's database brought back to its seeds, in the time of a few small statements."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

# Many rows are truncated, which takes a fifth of a second whatever there is; few are deleted.
EMPTY_TABLES = """
DO $$
DECLARE t record; rows bigint; most bigint := 0; names text[] := '{}';
BEGIN
  SET LOCAL session_replication_role = replica;
  FOR t IN SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname IN ('public', 'core', 'compliance')
              AND c.relname NOT IN ('alembic_version', 'spatial_ref_sys')
  LOOP
    EXECUTE format('SELECT count(*) FROM (SELECT 1 FROM %I.%I LIMIT 1001) AS found', t.nspname, t.relname) INTO rows;
    IF rows > 0 THEN names := names || format('%I.%I', t.nspname, t.relname); END IF;
    most := greatest(most, rows);
  END LOOP;
  IF most > 1000 THEN
    EXECUTE 'TRUNCATE ' || array_to_string(names, ',') || ' CASCADE';
  ELSE
    FOR i IN 1 .. cardinality(names) LOOP EXECUTE 'DELETE FROM ' || names[i]; END LOOP;
  END IF;
END $$
"""

SEEDED = """
SELECT n.nspname, c.relname,
       (SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname IN ('public', 'core', 'compliance')
   AND c.relname NOT IN ('alembic_version', 'spatial_ref_sys')
"""


@dataclass(frozen=True)
class SeededTable:
    """A table that is not empty at first, and its rows as COPY writes them."""

    name: sql.Identifier
    columns: sql.Composed
    rows: bytes


class SeededDatabase:
    """A freshly seeded database, remembered, so that a test may leave anything behind."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        with self._connection.transaction():
            found = self._connection.execute(SEEDED).fetchall()
            self._seeds = [table for row in found if (table := self._read(*row)).rows]

    def restore(self) -> None:
        """Empty every table, then put the seeds back; no trigger fires and no key is checked on the way."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(EMPTY_TABLES)
            cursor.execute("SET LOCAL session_replication_role = replica")
            for table in self._seeds:
                put = sql.SQL("COPY {} ({}) FROM STDIN").format(table.name, table.columns)
                with cursor.copy(put) as copy:
                    copy.write(table.rows)

    def _read(self, schema: str, table: str, columns: list[str]) -> SeededTable:
        name, listed = sql.Identifier(schema, table), sql.SQL(",").join(map(sql.Identifier, columns))
        get = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(listed, name)
        with self._connection.cursor().copy(get) as copy:
            return SeededTable(name, listed, b"".join(bytes(part) for part in copy))
