-- Snowplow events of the Lake Loader become interactions: the same rules as `slirec interactions import snowplow`, for a
-- clickstream that one machine should not read. `make test-sql` runs this file in DuckDB and compares.
--
-- Enters: a table or view `events` (the Lake Loader's columns) and `catalog` (handle, gid, category).
-- Leaves: a view `interactions` (user, item, timestamp, category, weight, user_bucket). Write it as Parquet, partitioned by
-- user_bucket; `slirec prepare --interactions DIRECTORY` reads it.
--
-- Where other engines say it in another way:
--   Spark, Databricks: crates/python/python/slirec/sql/snowplow_interactions.spark.sql, which `slirec.spark.interactions`
--                      runs and `make test-spark` compares
--   DataFusion:        `regexp_extract(s, p, 1)` is `regexp_match(s, p)[1]`, `epoch_us(t) / 1e6` is `date_part('epoch', t)`;
--                      it has no `url_decode`: leave it out if your handles are plain ASCII

CREATE OR REPLACE VIEW interactions AS
WITH happened AS (
    SELECT
        event_id,
        event_fingerprint,
        event_name,
        domain_userid AS shopper,
        coalesce(derived_tstamp, true_tstamp, collector_tstamp) AS happened_at,
        collector_tstamp AS received_at,
        unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1.type AS action,
        contexts_com_snowplowanalytics_snowplow_ecommerce_product_1 AS products,
        -- The product of the page: behind a locale, a collection, or both.
        nullif(url_decode(regexp_extract(
            page_urlpath,
            '^(?:/[a-z]{2}(?:-[A-Za-z]{2,4})?)?(?:/collections/[^/]+)?/products/([^/?#]+?)(?:\.(?:js|json|oembed))?/?$',
            1
        )), '') AS page_product
    FROM events
    WHERE domain_userid IS NOT NULL AND domain_userid <> ''
),

-- One row for each product of an event. A page shows its own product; an action names its products.
named AS (
    SELECT event_id, event_fingerprint, shopper, happened_at, received_at,
        'view' AS kind, coalesce(page_product, products[1].id) AS name
    FROM happened
    WHERE event_name = 'page_view'
    UNION ALL
    SELECT event_id, event_fingerprint, shopper, happened_at, received_at,
        'view' AS kind, coalesce(products[1].id, page_product) AS name
    FROM happened
    WHERE action = 'product_view'
    UNION ALL
    SELECT event_id, event_fingerprint, shopper, happened_at, received_at,
        action AS kind, coalesce(product.id, page_product) AS name
    FROM (
        SELECT *, unnest(coalesce(nullif(products, []), [NULL])) AS product
        FROM happened
        WHERE action IN ('list_click', 'add_to_cart', 'transaction')
    )
),

-- A name is a handle, or else the number of the product, alone or in its GID.
resolved AS (
    SELECT
        named.event_id,
        named.event_fingerprint,
        named.shopper,
        named.happened_at,
        named.received_at,
        named.kind,
        coalesce(by_handle.handle, by_number.handle) AS item,
        coalesce(by_handle.category, by_number.category) AS category
    FROM named
    LEFT JOIN catalog AS by_handle ON by_handle.handle = named.name
    LEFT JOIN catalog AS by_number
        ON regexp_extract(by_number.gid, '([0-9]+)$', 1) = regexp_extract(named.name, '^(?:gid://.*/)?([0-9]+)$', 1)
    WHERE by_handle.handle IS NOT NULL OR by_number.handle IS NOT NULL
),

-- More events than a shopper has on one day: a robot.
robots AS (
    SELECT DISTINCT shopper
    FROM resolved
    GROUP BY shopper, CAST(happened_at AS DATE)
    HAVING count(*) > 2000
),

-- The pipeline delivers at least once: of a repeated event the earliest received counts.
single AS (
    SELECT *
    FROM (
        SELECT
            *,
            row_number() OVER (PARTITION BY event_id, event_fingerprint, shopper, item ORDER BY received_at) AS repetition
        FROM resolved
        WHERE shopper NOT IN (SELECT shopper FROM robots)
    )
    WHERE repetition = 1 OR event_id IS NULL
),

-- A page view and a product_view of one product within ten seconds are one view, reported twice.
spaced AS (
    SELECT
        *,
        lag(happened_at) OVER (PARTITION BY shopper, item, kind ORDER BY happened_at, event_id) AS before
    FROM single
)

SELECT
    shopper AS user,
    item,
    epoch_us(happened_at) / 1e6 AS timestamp,
    category,
    CASE kind WHEN 'add_to_cart' THEN 3 WHEN 'transaction' THEN 5 ELSE 1 END AS weight,
    hash(shopper) % 64 AS user_bucket
FROM spaced
WHERE kind <> 'view' OR before IS NULL OR epoch_us(happened_at) - epoch_us(before) > 10000000;
