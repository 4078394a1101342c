"""Runs migrations on the connection and inside the transaction of whoever asks for them."""

from __future__ import annotations

from alembic import context

__all__ = ["run"]


def run() -> None:
    """Run what is asked for; all steps are one transaction, which the caller commits."""
    context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


run()
