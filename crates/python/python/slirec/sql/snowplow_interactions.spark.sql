-- docs/sql/snowplow_interactions.sql as Spark 4 says it; `slirec.spark.interactions` runs it, and `make test-spark` compares
-- it with `slirec interactions import snowplow`.
--
-- Enters: `events` (the Lake Loader's columns) and `catalog` (handle, gid, category). Leaves: user, item, timestamp, category,
-- weight, user_bucket. Days are those of UTC whatever the session's time zone is, and a `+` in a path is a plus.

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
        nullif(regexp_extract(
            page_urlpath,
            r'^(?:/[a-z]{2}(?:-[A-Za-z]{2,4})?)?(?:/collections/[^/]+)?/products/([^/?#]+?)(?:\.(?:js|json|oembed))?/?$',
            1
        ), '') AS page_name
    FROM events
    WHERE domain_userid IS NOT NULL AND domain_userid <> ''
),

paged AS (
    SELECT *, coalesce(try_url_decode(replace(page_name, '+', '%2B')), page_name) AS page_product
    FROM happened
),

-- One row for each product of an event. A page shows its own product; an action names its products.
named AS (
    SELECT event_id, event_fingerprint, shopper, happened_at, received_at,
        'view' AS kind, coalesce(page_product, get(products, 0).id) AS name
    FROM paged
    WHERE event_name = 'page_view'
    UNION ALL
    SELECT event_id, event_fingerprint, shopper, happened_at, received_at,
        'view' AS kind, coalesce(get(products, 0).id, page_product) AS name
    FROM paged
    WHERE action = 'product_view'
    UNION ALL
    SELECT event_id, event_fingerprint, shopper, happened_at, received_at,
        action AS kind, coalesce(product.id, page_product) AS name
    FROM paged LATERAL VIEW OUTER explode(products) AS product
    WHERE action IN ('list_click', 'add_to_cart', 'transaction')
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
        ON regexp_extract(by_number.gid, r'([0-9]+)$', 1) = regexp_extract(named.name, r'^(?:gid://.*/)?([0-9]+)$', 1)
    WHERE by_handle.handle IS NOT NULL OR by_number.handle IS NOT NULL
),

-- More events than a shopper has on one day: a robot.
robots AS (
    SELECT DISTINCT shopper
    FROM resolved
    GROUP BY shopper, floor(unix_micros(happened_at) / 86400000000)
    HAVING count(*) > 2000
),

-- The pipeline delivers at least once: of a repeated event the earliest received counts.
single AS (
    SELECT *
    FROM (
        SELECT
            *,
            row_number() OVER (PARTITION BY event_id, event_fingerprint, shopper, item ORDER BY received_at) AS repetition
        FROM resolved LEFT ANTI JOIN robots USING (shopper)
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
    shopper AS `user`,
    item,
    unix_micros(happened_at) / 1e6 AS timestamp,
    category,
    CASE kind WHEN 'add_to_cart' THEN 3 WHEN 'transaction' THEN 5 ELSE 1 END AS weight,
    pmod(hash(shopper), 64) AS user_bucket
FROM spaced
WHERE kind <> 'view' OR before IS NULL OR unix_micros(happened_at) - unix_micros(before) > 10000000
