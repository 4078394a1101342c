"""The handshake with a database: is it ours, is it this build's, and how an older one is brought up to date."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from tidemill import __version__
from tidemill.adapters.sql.schema import SCHEMA, table_shape
from tidemill.adapters.sql.session import Session
from tidemill.adapters.sql.statements import insert_sql, select_sql
from tidemill.adapters.sql.tables import META
from tidemill.model.errors import StoreError, StoreMismatch

__all__ = ["greet", "schema_of", "upgrade"]

_SCRIPTS = Path(__file__).parent / "migrations"
_LIST_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
}
# Two processes that migrate at once take turns; any number will do as long as nobody else uses it.
_TURN = 7_177_301


def schema_of(session: Session) -> str:
    """Return the number of a database's schema, empty for a database without tables.

    Raises:
        StoreMismatch: there are tables, but not Tidemill's.
    """
    names = {str(row[0]) for row in session.read(_LIST_TABLES[session.database])}
    if "alembic_version" in names:
        rows = session.read("SELECT version_num FROM alembic_version")
        if rows:
            return str(rows[0][0])
        names.discard("alembic_version")  # nothing was ever migrated
    if names:
        raise StoreMismatch("This database holds other tables than Tidemill's; give Tidemill a database of its own.")
    return ""


def _meta(session: Session) -> dict[str, str]:
    return dict(session.read(select_sql(session.database, META, ("name", "value"))))


def greet(session: Session) -> None:
    """Make sure that a database has exactly the tables this build knows.

    Raises:
        StoreMismatch: it is older, newer, or of a build with other tables.
    """
    found = schema_of(session)
    if found == SCHEMA:
        meta = _meta(session)
        if meta.get("shape") != table_shape():
            raise StoreMismatch(
                f"This database was made by Tidemill {meta.get('build', 'unknown')} with other tables than "
                f"{__version__} has under the same schema {SCHEMA}; use that build, or restore a backup."
            )
    elif found > SCHEMA:
        raise StoreMismatch(
            f"This database has schema {found}, Tidemill {__version__} knows up to {SCHEMA}; "
            "use the newer Tidemill that wrote it, or restore a backup."
        )
    else:
        raise StoreMismatch(
            f"This database has schema {found or 'none'}, Tidemill {__version__} needs {SCHEMA}; "
            "take a backup, then open it once with migrations allowed."
        )


def upgrade(session: Session, to: str = SCHEMA) -> None:
    """Bring an older or empty database up to date, all of it or nothing: a kill midway leaves it as it was.

    Args:
        to: where to stop; only the newest schema can be opened.

    Raises:
        StoreMismatch: it is newer than this build, or not Tidemill's.
    """
    if schema_of(session) >= to:
        return
    connection = session.connection
    put = insert_sql(session.database, META, ("name", "value"), ("name",), "replace")
    try:
        # SQLAlchemy's begin is one by name only (the driver autocommits): Alembic sees it and leaves ours alone.
        with connection.begin(), session.write() as cursor:
            if session.database == "postgresql":
                cursor.execute(f"SELECT pg_advisory_xact_lock({_TURN})")
                cursor.execute("SET LOCAL statement_timeout = 0")
            _run_scripts(connection, to)
            cursor.executemany(put, [("shape", table_shape()), ("build", __version__)])
    except SQLAlchemyError as error:
        said = " ".join(str(error.__cause__ or error).split())
        raise StoreError(f"The database could not be brought up to date ({said}); it is as it was.") from error


def _run_scripts(connection: Connection, to: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    command.upgrade(config, to)
