-- Every customer in every cell of the report: `dimension` and `grp` name it, and what happened on the days from
-- start_day to the one before stop_day counts; previous_day begins the window before. The whole shop is the
-- dimension ''. A trait's cell is that of the customer on the report's day; in the dimension `channel` grp is NULL,
-- because the order or visit decides. The customer '' stands for those nobody knows.
SELECT
    known.customer_id,
    measure_windows.dimension,
    COALESCE(
        measure_windows.grp,
        measure_traits.grp,
        CASE WHEN measure_windows.dimension <> 'channel' THEN 'unknown' END
    ) AS grp,
    measure_windows.start_day,
    measure_windows.stop_day,
    measure_windows.previous_day,
    measure_windows.start_at,
    measure_windows.stop_at
FROM (
    SELECT customer_id FROM orders
    UNION
    SELECT customer_id FROM customers
    UNION
    SELECT customer_id FROM events WHERE customer_id IS NOT NULL
    UNION
    SELECT customer_id FROM feedback
    UNION
    SELECT customer_id FROM tickets
    UNION
    SELECT customer_id FROM redemptions
    UNION
    SELECT '' AS customer_id
) AS known
CROSS JOIN measure_windows
LEFT JOIN measure_traits
    ON measure_traits.customer_id = known.customer_id AND measure_traits.dimension = measure_windows.dimension
