-- First orders: how many customers had theirs before the window, and of those whose first order has matured (the $days
-- after it lie before the newest order's day), who ordered again within that time. By month: of that month's.
SELECT
    dimension,
    grp,
    SUM(before) AS customers_before,
    SUM(matured) AS matured_customers,
    SUM(matured * again) AS repeat_customers
FROM (
    SELECT
        cells.dimension,
        cells.grp,
        CASE WHEN firsts.first_day < cells.start_day THEN 1 ELSE 0 END AS before,
        CASE
            WHEN
                DATE_DIFF('day', firsts.first_day, CAST($newest_day AS DATE)) > $days
                AND (
                    cells.dimension <> 'month'
                    OR (firsts.first_day >= cells.start_day AND firsts.first_day < cells.stop_day)
                )
                THEN 1
            ELSE 0
        END AS matured,
        CASE WHEN DATE_DIFF('day', firsts.first_day, firsts.next_day) <= $days THEN 1 ELSE 0 END AS again
    FROM (
        SELECT customer_id, first_day, MIN(CASE WHEN day > first_day THEN day END) AS next_day
        FROM measure_deeds
        WHERE deed = 'order'
        GROUP BY customer_id, first_day
    ) AS firsts
    JOIN measure_cells AS cells ON cells.customer_id = firsts.customer_id
    WHERE cells.dimension <> 'channel'
) AS placed
GROUP BY dimension, grp
