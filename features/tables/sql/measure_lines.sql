-- What was sold and what came back in each cell's window, each on its own day.
SELECT
    cells.dimension,
    COALESCE(cells.grp, days.channel, 'unknown') AS grp,
    SUM(days.sold) AS sold,
    SUM(days.returned) AS returned,
    COUNT(DISTINCT CASE WHEN days.sold > 0 THEN days.customer_id END) AS paying_customers
FROM (
    SELECT
        customer_id,
        channel,
        CAST(local_at AS DATE) AS day,
        SUM(CASE WHEN amount > 0 THEN amount ELSE 0 END) AS sold,
        SUM(CASE WHEN amount < 0 THEN -amount ELSE 0 END) AS returned
    FROM orders
    WHERE local_at < $as_of
    GROUP BY customer_id, channel, CAST(local_at AS DATE)
) AS days
JOIN measure_cells AS cells ON cells.customer_id = days.customer_id
WHERE days.day >= cells.start_day AND days.day < cells.stop_day
GROUP BY cells.dimension, COALESCE(cells.grp, days.channel, 'unknown')
