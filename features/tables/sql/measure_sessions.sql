-- One row per session before $as_of. Events without a session make one a customer and day; a session belongs to the
-- customer whom any event of it names, the anonymous ones to the customer '', and to the day of its first event.
SELECT
    COALESCE(MAX(customer_id), '') AS customer_id,
    COALESCE('s' || session_id, 'c' || CAST(CAST(local_at AS DATE) AS VARCHAR) || customer_id) AS session,
    MIN(channel) AS channel,
    CAST(MIN(local_at) AS DATE) AS day,
    CASE WHEN COUNT(*) = 1 THEN 1 ELSE 0 END AS bounced,
    MAX(CASE WHEN type = 'purchase' THEN 1 ELSE 0 END) AS bought
FROM events
-- What the shop did (showed something) or took back is no visit.
WHERE local_at < $as_of AND type NOT IN ('impression', 'return')
GROUP BY COALESCE('s' || session_id, 'c' || CAST(CAST(local_at AS DATE) AS VARCHAR) || customer_id)
