"""A PostgreSQL database tells what it is made of: views, enumerations, domains, unique indexes, collations."""

import pytest

from proofsmith.domains.sql.broker import address_of, ddl_of
from proofsmith.domains.sql.definitions import parse_schema
from proofsmith.types import Depth, Status
from tests.domains.sql.test_broker import START, server
from tests.domains.sql.test_verify import judged

pytestmark = pytest.mark.slow
SHOP = """CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN amount AS NUMERIC(10, 2) CHECK (VALUE >= 0);
CREATE TABLE client (id SERIAL PRIMARY KEY, email TEXT, feel mood, note TEXT COLLATE "en-x-icu");
CREATE UNIQUE INDEX one_email ON client (email);
CREATE UNIQUE INDEX some_note ON client (note) WHERE id > 5;
CREATE UNIQUE INDEX folded ON client (lower(email)) NULLS NOT DISTINCT;
CREATE TABLE sale (id INT PRIMARY KEY, client_id INT NOT NULL REFERENCES client (id), total amount NOT NULL,
  twice NUMERIC(12, 2) GENERATED ALWAYS AS (total * 2) STORED);
CREATE VIEW big AS SELECT id, client_id, total FROM sale WHERE total > 400;
CREATE VIEW happy AS SELECT b.id, b.total FROM big b JOIN client c ON c.id = b.client_id WHERE c.feel = 'happy';"""


async def test_views_types_and_unique_indexes_are_read_and_verdicts_rest_on_them():
    async with server(START) as (_, url):
        address = address_of(url)
        with address.connected() as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(SHOP)
        ddl = ddl_of(address, frozenset(["happy", "missing"]))
    schema = parse_schema(ddl, "postgresql")
    client, sale = schema.tables["client"], schema.tables["sale"]
    assert set(schema.views) == {"big", "happy"}
    assert client.unique == (("email",),)
    told = [(key.parts, key.where, key.nulls_agree) for key in client.partial_keys]
    assert told == [(("note",), "id > 5", False), (("LOWER(email)",), "", True)]
    assert sale.checks == ('("total" >= 0)',)
    assert (
        sale.column("twice").computed == "(CAST((total) AS DECIMAL) * CAST((2) AS DECIMAL)) STORED"
    )
    assert client.column("feel").labels == ("sad", "ok", "happy")
    assert not client.column("note").compares_bytewise
    assert (sale.column("total").type, sale.column("total").nullable) == ("DECIMAL(10, 2)", False)
    base = "SELECT id FROM happy WHERE total < 900"
    plain = (
        "SELECT s.id FROM sale s JOIN client c ON c.id = s.client_id "
        "WHERE s.total > 400 AND s.total < 900 AND c.feel > 'ok'"
    )
    right = await judged(base, plain, "postgresql", Depth.FULL, ddl)
    assert right.status.at_least(Status.BOUNDED), right
    wrong = await judged(base, plain.replace("> 400", ">= 400"), "postgresql", Depth.FULL, ddl)
    assert wrong.status is Status.FAILED
    assert "CREATE VIEW" in str(wrong.evidence[-1].facts["script"])
