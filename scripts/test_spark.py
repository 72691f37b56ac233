"""Compares Spark on two executors with one machine, row by row: interactions, sessions, recommendations, scores, and MLflow's
`spark_udf` of a pushed bundle.

Enters: nothing; an environment of `scripts/test-spark.requirements.txt` with the wheel. Leaves: a line for each thing that
held, with how long it took, or the first difference. `make test-spark` runs it; SESSIONS= scores more of them.
"""

import contextlib
import itertools
import json
import os
import pathlib
import sys
import tempfile
import time

import pyarrow as pa
import pyarrow.parquet as pq
import slirec
import slirec.spark
from pyspark.sql import SparkSession

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests/mlflow")]

from test_registry import BIN, MODEL, Client, answers, check, free_port, run, running, same  # noqa: E402
from test_sql import clickstream, compare, vocabulary  # noqa: E402

BUNDLE = ROOT / "models/demo"
CATALOG = ROOT / "data/demo/catalog.json"
NOW = 1_796_000_000
# Behind every clock: no time goes by since such views, so that answers of two moments are equal to the last bit.
AHEAD = 4_000_000_000
SESSIONS = int(os.environ.get("SESSIONS", "20000"))
EVENTS = pa.schema([
    *[(name, pa.string()) for name in ("event_id", "event_fingerprint", "event", "event_name", "domain_userid")],
    *[(name, pa.timestamp("us", "UTC")) for name in ("derived_tstamp", "true_tstamp", "collector_tstamp")],
    ("page_urlpath", pa.string()),
    ("unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1",
     pa.struct([("type", pa.string()), ("name", pa.string())])),
    ("contexts_com_snowplowanalytics_snowplow_ecommerce_product_1",
     pa.list_(pa.struct([("_schema_version", pa.string()), ("id", pa.string())]))),
])


def main():
    began = time.monotonic()
    builder = SparkSession.builder.master("local-cluster[2,1,1024]").appName("slirec")
    # Another zone than the data's: days and seconds must not depend on it.
    settings = {"spark.ui.enabled": "false", "spark.sql.session.timeZone": "America/Los_Angeles",
                "spark.sql.shuffle.partitions": "4", "spark.driver.memory": "1g", "spark.ui.showConsoleProgress": "false"}
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    print(f"Spark {spark.version}: {time.monotonic() - began:.0f} s to start two executors")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        frame = check_interactions(spark, folder)
        check_sessions(spark, frame, folder)
        check_many(spark)
        check_udf(spark, folder)
    spark.stop()


def check_interactions(spark, folder):
    """The SQL beside the import; leaves the interactions."""
    products = json.loads(CATALOG.read_text())["products"]
    rows = clickstream(products)
    table = pa.table([list(column) for column in zip(*rows, strict=True)], schema=EVENTS)
    (folder / "events").mkdir()
    for part in range(4):
        pq.write_table(table.slice(part * table.num_rows // 4, table.num_rows // 4 + 1), folder / f"events/{part}.parquet")
    # The seams of the parts are in two of them, as a pipeline that delivers at least once has it.
    began = time.monotonic()
    run("slirec", "interactions", "import", "snowplow", folder / "events", "--catalog", CATALOG, "--output", folder / "ours.tsv")
    alone = time.monotonic() - began
    ours = [line.split("\t") for line in (folder / "ours.tsv").read_text().splitlines()]
    ours = [(row[1], row[2], float(row[3]), row[4], int(row[5]) if len(row) > 5 else 1) for row in ours]

    catalog = spark.createDataFrame([(row["handle"], row["gid"], row["category"]) for row in products], "handle string, gid string, category string")
    began = time.monotonic()
    partitioned = folder / "interactions"
    found = slirec.spark.interactions(spark.read.parquet(str(folder / "events")), catalog)
    found.write.partitionBy("user_bucket").parquet(str(partitioned))
    took = time.monotonic() - began
    frame = spark.read.parquet(str(partitioned))
    theirs = [tuple(row) for row in frame.select("user", "item", "timestamp", "category", "weight").collect()]
    compare(sorted(ours), sorted(theirs))
    print(f"interactions: {len(ours)} of {table.num_rows} events agree (Spark {took:.1f} s, slirec {alone:.1f} s)")

    manifests = []
    for name, source in (("of-ours", folder / "ours.tsv"), ("of-theirs", partitioned)):
        run("slirec", "prepare", "--interactions", source, "--output", folder / name)
        manifest = json.loads((folder / name / "manifest.json").read_text())
        manifests.append([manifest[key] for key in ("interactions", "users", "items", "rows", "first_time", "last_time")])
    compare(*manifests)
    compare(*[vocabulary(folder / name) for name in ("of-ours", "of-theirs")])
    print(f"prepare: the datasets of the file and of {len(list(partitioned.glob('user_bucket=*')))} partitions agree")
    return frame


def sessions_of(rows, gap, longest):
    """What `slirec.spark.sessions` says, in plain Python."""
    found = {}
    before = {}
    for user, item, at in sorted(rows, key=lambda row: (row[0], row[2], row[1])):
        session, last = before.get(user, (0, at))
        session += at - last > gap
        before[user] = session, at
        found.setdefault((user, session), []).append((item, at))
    return {key: views[-longest:] for key, views in found.items()}


def check_sessions(spark, frame, folder):
    """Sessions and what is recommended after them, beside the same frame in this process."""
    rows = [tuple(row) for row in frame.select("user", "item", "timestamp").collect()]
    for gap, longest in ((None, None), (1800, None), (86_400, 7)):
        made = slirec.spark.sessions(frame, gap_seconds=gap, longest=longest)
        theirs = {(row.user, row.session): [tuple(view) for view in row.views] for row in made.collect()}
        ours = sessions_of(rows, float("inf") if gap is None else gap, longest or len(rows))
        compare(sorted(ours.items()), sorted(theirs.items()))
        print(f"sessions: {len(ours)} agree with a pause of {gap} s and at most {longest} views")

    made = slirec.spark.sessions(frame, gap_seconds=86_400, longest=7)
    ours = sessions_of(rows, 86_400, 7)
    keys = list(ours)
    flat = [(place, *view) for place, key in enumerate(keys) for view in ours[key]]
    table = pa.table([list(column) for column in zip(*flat, strict=True)], ["user", "item", "timestamp"])
    bundle = slirec.load(BUNDLE)
    questions = [
        ("recommend", {"limit": 10, "exclude_seen": True}),
        ("recommend", {"filter": 'category != "Books"', "per_category": 2}),
        ("score", {"items": ["novel", "atlas", "canvas"]}),
    ]
    for name, options in questions:
        theirs = getattr(slirec.spark, name)(made, BUNDLE, now=NOW, **options)
        check(theirs.columns == ["user", "session", "source", "rank", "item", "score"], f"columns {theirs.columns}")
        method = bundle.score if name == "score" else bundle.recommend_frame
        expected = method(table, now=NOW, **options).to_arrow().to_pylist()
        expected = [(*keys[row["user"]], row["source"], row["rank"], row["item"], row["score"]) for row in expected]
        compare(sorted(expected), sorted(tuple(row) for row in theirs.collect()))
        print(f"{name}: {len(expected)} rows of {len(keys)} sessions agree, bit by bit, with {options}")


def check_many(spark):
    """How fast sessions are scored: 7 views each, answers counted but not collected."""
    handles = slirec.load(BUNDLE).products().to_arrow().column("item").to_pylist()
    wanted = spark.createDataFrame([(handles,)], "handles array<string>")
    views = f"transform(sequence(0, 6), i -> struct(handles[int(pmod(hash(id, i), {len(handles)}))] AS item, double({NOW} - 600 + i) AS timestamp))"
    made = spark.range(SESSIONS, numPartitions=8).crossJoin(wanted).selectExpr("id", f"{views} AS views").cache()
    check(made.count() == SESSIONS, "the sessions were not made")
    slirec.spark.recommend(made.limit(10), BUNDLE, now=NOW, limit=10).count()
    began = time.monotonic()
    # Not a count alone, for which Spark would leave columns out.
    rows, items = slirec.spark.recommend(made, BUNDLE, now=NOW, limit=10).selectExpr("count(*)", "count(DISTINCT item)").first()
    took = time.monotonic() - began
    check(rows == SESSIONS * 10, f"{rows} rows of {SESSIONS} sessions")
    print(f"recommend: {SESSIONS} sessions of 7 views on two executors of one core in {took:.1f} s, {SESSIONS / took:,.0f} a second ({items} products)")
    flat = made.selectExpr("id AS user", "explode(views) AS view").selectExpr("user", "view.item", "view.timestamp").toArrow()
    bundle = slirec.load(BUNDLE)
    began = time.monotonic()
    bundle.recommend_frame(flat, now=NOW, limit=10)
    took = time.monotonic() - began
    print(f"recommend_frame: the same in this process, all cores: {SESSIONS / took:,.0f} a second")


def check_udf(spark, folder):
    """MLflow's function for Spark beside `mlflow models serve` and MLflow's model in this process."""
    import mlflow

    port = free_port()
    os.environ["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{port}"
    command = [BIN / "mlflow", "server", "--host", "127.0.0.1", "--port", port, "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}", "--artifacts-destination", folder / "artifacts"]
    with contextlib.ExitStack() as stack:
        # Without the workers of its own jobs, which nothing here needs.
        settings = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        stack.enter_context(running(command, folder / "mlflow.log", answers(port, "/health"), **settings))
        run("slirec", "registry", "push", "--bundle", BUNDLE, "--alias", "champion", "--force")
        reference = f"models:/{MODEL}@champion"
        handles = slirec.load(BUNDLE).products().to_arrow().column("item").to_pylist()
        rows = [
            (f"user {row}", [handles[(row * 7 + view * 11) % len(handles)] for view in range(row % 9)],
             [str(begun + 60 * view) for view in range(row % 9)])
            for row, begun in zip(range(60), itertools.cycle((1_780_000_000, AHEAD)))
        ]
        frame = spark.createDataFrame(rows, "userId string, items array<string>, timestamps array<string>").repartition(4)
        function = mlflow.pyfunc.spark_udf(spark, reference, env_manager="local")
        began = time.monotonic()
        found = {row.userId: row.answer for row in frame.withColumn("answer", function("userId", "items", "timestamps")).collect()}
        took = time.monotonic() - began
        # Once: a repartitioned frame has its rows in another order each time.
        asked = frame.toPandas()
        expected = mlflow.pyfunc.load_model(reference).predict(asked)
        served = answers_of_mlflow(folder, reference, asked)
        exact = 0
        for user, times, here, there in zip(asked["userId"], asked["timestamps"], expected, served, strict=True):
            ours = {"itemIds": list(found[user]["itemIds"]), "preds": list(found[user]["preds"])}
            if len(times) > 0 and float(times[0]) >= AHEAD:
                compare([ours, here], [there, there])
                exact += len(there["preds"])
            check(same(ours, there) and same(here, there), f"{user}: {ours}, {here} and {there}")
        check(exact > 0, "no number was compared exactly")
        print(f"spark_udf: {len(rows)} rows agree with `mlflow models serve` and MLflow's own model in {took:.1f} s, {exact} numbers of them to the last bit")
        # The same bundle, straight from the registry.
        made = frame.selectExpr("userId", "transform(arrays_zip(items, timestamps), v -> struct(v.items AS item, double(v.timestamps) AS timestamp)) AS views")
        answered = slirec.spark.recommend(made.where("size(views) > 0"), reference, now=NOW, limit=3)
        check(answered.count() == 3 * sum(bool(row[1]) for row in rows), "the registry's bundle did not answer")
        print(f"recommend: answers from {reference}")


def answers_of_mlflow(folder, reference, asked):
    """What `mlflow models serve` answers these rows of the same model."""
    port = free_port()
    command = [BIN / "mlflow", "models", "serve", "--model-uri", reference, "--host", "127.0.0.1", "--port", port]
    command += ["--env-manager", "local", "--workers", "1"]
    body = json.dumps({"dataframe_split": {"columns": list(asked.columns), "data": [[user, list(items), list(times)] for user, items, times in asked.values]}})
    with running(command, folder / "serve.log", answers(port, "/ping")):
        status, answer = Client(port).post(body)
    check(status == 200, f"`mlflow models serve` answers {status}: {answer[:300]}")
    return json.loads(answer)["predictions"]


if __name__ == "__main__":
    main()
