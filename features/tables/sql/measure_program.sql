-- What the loyalty program gave away and cost in each window, and what the orders with a redemption brought beyond
-- that: their margin, less what was spent. A redemption that names no order counts as spent only.
SELECT
    dimension,
    grp,
    SUM(margin) - SUM(spend) AS program_gain,
    SUM(spend) AS program_spend,
    SUM(people) AS redeeming_customers
FROM (
    SELECT
        used.dimension,
        used.grp,
        CAST(SUM(placed.margin) AS DOUBLE) AS margin,
        CAST(0 AS DOUBLE) AS spend,
        0 AS people
    FROM (
        SELECT DISTINCT measure_windows.dimension, measure_windows.grp, redemptions.customer_id, redemptions.order_id
        FROM redemptions
        JOIN measure_windows
            ON redemptions.local_at >= measure_windows.start_day AND redemptions.local_at < measure_windows.stop_day
        WHERE measure_windows.dimension IN ('', 'month') AND redemptions.local_at < $as_of
    ) AS used
    JOIN measure_orders AS placed ON placed.customer_id = used.customer_id AND placed.order_id = used.order_id
    GROUP BY used.dimension, used.grp
    UNION ALL
    SELECT
        measure_windows.dimension,
        measure_windows.grp,
        CAST(0 AS DOUBLE) AS margin,
        CAST(SUM(redemptions.amount) AS DOUBLE) AS spend,
        COUNT(DISTINCT redemptions.customer_id) AS people
    FROM redemptions
    JOIN measure_windows
        ON redemptions.local_at >= measure_windows.start_day AND redemptions.local_at < measure_windows.stop_day
    WHERE measure_windows.dimension IN ('', 'month') AND redemptions.local_at < $as_of
    GROUP BY measure_windows.dimension, measure_windows.grp
    UNION ALL
    SELECT dimension, grp, CAST(0 AS DOUBLE) AS margin, amount AS spend, 0 AS people
    FROM measure_cost_shares
    WHERE kind = 'program'
) AS parts
GROUP BY dimension, grp
