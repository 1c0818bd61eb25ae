-- From a customer's return event for a product to the next returned line of it: hours, for lines in each cell's
-- window. Of several events before the same line the first counts.
SELECT
    cells.dimension,
    cells.grp,
    SUM(DATE_DIFF('second', handled.asked_at, handled.booked_at) / 3600.0) AS handling_hours,
    COUNT(*) AS handled_returns,
    COUNT(DISTINCT handled.customer_id) AS handled_customers
FROM (
    SELECT customer_id, product_id, booked_at, booked_local, MIN(asked_at) AS asked_at
    FROM (
        SELECT
            asked.customer_id,
            asked.product_id,
            asked.occurred_at AS asked_at,
            MIN(back.ordered_at) AS booked_at,
            MIN(back.local_at) AS booked_local
        FROM events AS asked
        JOIN orders AS back
            ON back.customer_id = asked.customer_id
            AND back.product_id = asked.product_id
            AND back.ordered_at >= asked.occurred_at
        WHERE
            asked.type = 'return'
            AND back.local_at < $as_of
            AND (back.amount < 0 OR (back.amount = 0 AND back.quantity < 0))
        GROUP BY asked.event_id, asked.customer_id, asked.product_id, asked.occurred_at
    ) AS matched
    GROUP BY customer_id, product_id, booked_at, booked_local
) AS handled
JOIN measure_cells AS cells ON cells.customer_id = handled.customer_id
WHERE
    handled.booked_local >= cells.start_day
    AND handled.booked_local < cells.stop_day
    AND cells.dimension <> 'channel'
GROUP BY cells.dimension, cells.grp
