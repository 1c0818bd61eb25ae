-- Orders and money of each cell's window, by the day of the order.
SELECT
    cells.dimension,
    COALESCE(cells.grp, placed.channel, 'unknown') AS grp,
    SUM(placed.kept) AS orders,
    SUM(placed.amount) AS amount,
    SUM(placed.placed) AS placed_orders,
    SUM(placed.placed * placed.returned) AS returned_orders,
    COUNT(DISTINCT CASE WHEN placed.placed = 1 THEN placed.customer_id END) AS placing_customers
FROM measure_orders AS placed
JOIN measure_cells AS cells ON cells.customer_id = placed.customer_id
WHERE placed.day >= cells.start_day AND placed.day < cells.stop_day
GROUP BY cells.dimension, COALESCE(cells.grp, placed.channel, 'unknown')
