-- What each customer did in the shop in the $behaviour_days local days before the as-of day, by sessions; events
-- without a session make one a day. A session belongs to the customer whom any event of it names.
SELECT
    codes.customer,
    COUNT(*) AS sessions,
    SUM(visits.views) AS views,
    SUM(visits.dwell_seconds) AS dwell_seconds,
    SUM(CASE WHEN visits.carted THEN 1 ELSE 0 END) AS carted,
    SUM(CASE WHEN visits.bought THEN 1 ELSE 0 END) AS bought,
    SUM(CASE WHEN visits.events = 1 THEN 1 ELSE 0 END) AS bounced
FROM (
    SELECT
        MAX(customer_id) AS customer_id,
        COUNT(*) AS events,
        SUM(CASE WHEN type = 'view' THEN 1 ELSE 0 END) AS views,
        CAST(SUM(dwell_seconds) AS DOUBLE) AS dwell_seconds,
        MAX(CASE WHEN type = 'cart_add' THEN 1 ELSE 0 END) = 1 AS carted,
        MAX(CASE WHEN type = 'purchase' THEN 1 ELSE 0 END) = 1 AS bought
    FROM events
    -- What the shop did (showed something) or took back is no visit.
    WHERE
        local_at < $as_of
        AND local_at >= CAST($as_of AS DATE) - CAST($behaviour_days AS INTEGER)
        AND type NOT IN ('impression', 'return')
    GROUP BY COALESCE('s' || session_id, 'c' || CAST(CAST(local_at AS DATE) AS VARCHAR) || customer_id)
) AS visits
JOIN profile_customer_codes AS codes ON codes.customer_id = visits.customer_id
GROUP BY codes.customer
