-- What customers did on which day: an order kept, a visit, a ticket opened. `first_day` is that of the customer's
-- first deed of the kind, whatever its channel.
SELECT
    customer_id,
    channel,
    day,
    deed,
    MIN(day) OVER (PARTITION BY customer_id, deed) AS first_day
FROM (
    SELECT customer_id, channel, day, 'order' AS deed FROM measure_orders WHERE kept = 1
    UNION
    SELECT customer_id, channel, day, 'visit' AS deed FROM measure_sessions WHERE customer_id <> ''
    UNION
    SELECT customer_id, NULL AS channel, CAST(local_at AS DATE) AS day, 'ticket' AS deed
    FROM tickets
    WHERE local_at < $as_of
) AS done
