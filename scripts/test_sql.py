"""Compares docs/sql/snowplow_interactions.sql, run in DuckDB, with `slirec interactions import snowplow`.

Enters: the path of the companion's binary. A clickstream is made up, with everything that the rules speak of: repeated
events, doubly reported views, robots, unknown products, locales, collections, product entities by handle, number and GID.
Leaves: exit code 0 if both give the same interactions and `slirec prepare` the same dataset, or the first difference.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile

import duckdb

ROOT = pathlib.Path(__file__).resolve().parent.parent
EVENTS = 40_000

SCHEMA = """
    event_id VARCHAR, event_fingerprint VARCHAR, event VARCHAR, event_name VARCHAR, domain_userid VARCHAR,
    derived_tstamp TIMESTAMPTZ, true_tstamp TIMESTAMPTZ, collector_tstamp TIMESTAMPTZ, page_urlpath VARCHAR,
    unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1 STRUCT(type VARCHAR, name VARCHAR),
    contexts_com_snowplowanalytics_snowplow_ecommerce_product_1 STRUCT(_schema_version VARCHAR, id VARCHAR)[]
"""


def clickstream(products):
    """Rows of the events table."""
    rng = random.Random(7)
    start = 1_793_000_000_000_000
    rows = []

    def add(user, micros, path, action=None, entities=None, event_name=None):
        number = len(rows)
        name = event_name or ("snowplow_ecommerce_action" if action else "page_view")
        rows.append([
            f"00000000-0000-4000-8000-{number:012x}", f"{rng.getrandbits(64):016x}", "unstruct" if action else "page_view",
            name, user, micros, None, micros + 250_000, path, {"type": action, "name": None} if action else None,
            entities and [{"_schema_version": "1-0-0", "id": entity} for entity in entities],
        ])

    def names(product):
        number = product["gid"].rsplit("/", 1)[1]
        return rng.choice([product["handle"], number, product["gid"]])

    for _ in range(EVENTS):
        user = None if rng.random() < 0.01 else f"user-{rng.randrange(600)}"
        micros = start + rng.randrange(30 * 86_400) * 1_000_000 + rng.randrange(1_000_000)
        product = rng.choice(products)
        prefix = rng.choice(["", "", "", "/de", "/pt-BR"]) + rng.choice(["", "", "/collections/all"])
        path = f"{prefix}/products/{product['handle']}{rng.choice(['', '', '/', '.json'])}"
        roll = rng.random()
        if roll < 0.55:
            add(user, micros, path)
            if rng.random() < 0.5:  # reported twice
                add(user, micros + rng.randrange(200_000, 9_000_000), path, "product_view", [names(product)])
        elif roll < 0.65:
            add(user, micros, rng.choice(["/", "/pages/about", "/products/discontinued", "/collections/all"]))
        elif roll < 0.75:
            add(user, micros, path, "product_view", [names(product)])
        elif roll < 0.85:
            add(user, micros, path, "add_to_cart", [names(product)])
        elif roll < 0.92:
            add(user, micros, "/checkout", "transaction", [names(rng.choice(products)) for _ in range(rng.randrange(1, 4))])
        else:
            add(user, micros, "/collections/all", rng.choice(["list_click", "list_view", "promo_click"]), [names(product)])
    for step in range(2_500):  # a robot
        add("robot", start + step * 20_000_000, f"/products/{rng.choice(products)['handle']}")
    for row in rng.sample(rows, len(rows) // 20):  # delivered twice
        again = list(row)
        again[7] += 5_000_000
        rows.append(again)
    rng.shuffle(rows)
    return rows


def main(slirec):
    catalog_path = ROOT / "tests/fixtures/golden/catalog.json"
    products = json.loads(catalog_path.read_text())["products"]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        database = duckdb.connect()
        database.execute("SET TimeZone = 'UTC'")
        lines = folder / "events.jsonl"
        fields = ["event_id", "event_fingerprint", "event", "event_name", "domain_userid", "derived", "true", "collector",
                  "page_urlpath", "action", "products"]
        with lines.open("w") as output:
            for row in clickstream(products):
                output.write(json.dumps(dict(zip(fields, row))) + "\n")
        database.execute(f"CREATE TABLE events ({SCHEMA})")
        database.execute(f"""
            INSERT INTO events
            SELECT event_id, event_fingerprint, event, event_name, domain_userid, make_timestamptz(derived),
                   make_timestamptz("true"), make_timestamptz(collector), page_urlpath, action, products
            FROM read_json('{lines}', format = 'newline_delimited', columns = {{
                event_id: 'VARCHAR', event_fingerprint: 'VARCHAR', event: 'VARCHAR', event_name: 'VARCHAR',
                domain_userid: 'VARCHAR', derived: 'BIGINT', "true": 'BIGINT', collector: 'BIGINT', page_urlpath: 'VARCHAR',
                action: 'STRUCT(type VARCHAR, name VARCHAR)', products: 'STRUCT(_schema_version VARCHAR, id VARCHAR)[]'}})
        """)
        # Delta tables keep event_name in the path, and so does this one.
        lake = folder / "lake"
        database.execute(f"COPY events TO '{lake}' (FORMAT parquet, PARTITION_BY (event_name))")
        database.execute(f"""
            CREATE TABLE catalog AS
            SELECT product.handle, product.gid, product.category
            FROM (SELECT unnest(products) AS product FROM read_json('{catalog_path}'))
        """)
        database.execute((ROOT / "docs/sql/snowplow_interactions.sql").read_text())
        partitioned = folder / "interactions"
        database.execute(f"COPY interactions TO '{partitioned}' (FORMAT parquet, PARTITION_BY (user_bucket))")

        imported = folder / "interactions.tsv"
        run(slirec, "interactions", "import", "snowplow", lake, "--catalog", catalog_path, "--output", imported)
        ours = sorted(line.split("\t") for line in imported.read_text().splitlines())
        ours = [(row[1], row[2], float(row[3]), row[4], int(row[5]) if len(row) > 5 else 1) for row in ours]
        columns = '"user", item, timestamp, category, weight'
        theirs = database.execute(f"SELECT {columns} FROM read_parquet('{partitioned}/*/*.parquet')").fetchall()
        compare(sorted(ours), sorted(theirs))
        users = len({row[0] for row in ours})
        print(f"{len(ours)} interactions of {users} users: SQL and the import agree")

        manifests = []
        for name, source in (("ours", imported), ("theirs", partitioned)):
            run(slirec, "prepare", "--interactions", source, "--output", folder / name)
            manifests.append(json.loads((folder / name / "manifest.json").read_text()))
        keys = ["interactions", "users", "items", "categories", "rows", "first_time", "last_time"]
        compare([manifests[0][key] for key in keys], [manifests[1][key] for key in keys])
        vocabularies = [vocabulary(folder / name) for name in ("ours", "theirs")]
        compare(*vocabularies)
        print(f"datasets of the file and of {len(list(partitioned.iterdir()))} partitions agree")


def vocabulary(directory):
    """Items of a dataset. Not their popularity: events of one moment keep the order of their source, and the last two
    rows of a user are not counted."""
    document = json.loads((directory / "vocabulary.json").read_text())
    return sorted(item["handle"] for item in document["items"])


def compare(left, right):
    if len(left) != len(right):
        print(f"lengths differ: {len(left)} and {len(right)}", file=sys.stderr)
    for one, other in zip(left, right):
        if one != other:
            sys.exit(f"difference: {one} and {other}")
    if len(left) != len(right):
        sys.exit(1)


def run(*command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{command[1:3]} failed: {result.stderr}")
    print(result.stdout, end="")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve())
