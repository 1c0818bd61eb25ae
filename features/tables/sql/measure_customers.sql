-- Customers of each cell by what they did in its window and in the window before. By channel, a customer who used
-- two of them counts in both.
SELECT
    dimension,
    grp,
    SUM(bought) AS buyers,
    SUM(bought * newly) AS new_customers,
    SUM(bought * (1 - newly)) AS returning_customers,
    SUM(bought_before) AS buyers_before,
    SUM(bought_before * bought) AS retained_customers,
    SUM(bought_before * (1 - bought)) AS lost_customers,
    SUM(complained * bought) AS complaining_buyers,
    SUM(visited) AS visitors,
    SUM(visited * newly_visited) AS new_visitors,
    SUM(visited * (1 - newly_visited)) AS returning_visitors,
    SUM(visited * bought) AS buying_visitors
FROM (
    SELECT
        cells.dimension,
        COALESCE(cells.grp, deeds.channel, 'unknown') AS grp,
        deeds.customer_id,
        MAX(CASE WHEN deeds.deed = 'order' AND deeds.day >= cells.start_day THEN 1 ELSE 0 END) AS bought,
        MAX(CASE WHEN deeds.deed = 'order' AND deeds.day < cells.start_day THEN 1 ELSE 0 END) AS bought_before,
        MAX(CASE WHEN deeds.deed = 'order' AND deeds.first_day >= cells.start_day THEN 1 ELSE 0 END) AS newly,
        MAX(CASE WHEN deeds.deed = 'visit' AND deeds.day >= cells.start_day THEN 1 ELSE 0 END) AS visited,
        MAX(CASE WHEN deeds.deed = 'visit' AND deeds.first_day >= cells.start_day THEN 1 ELSE 0 END) AS newly_visited,
        MAX(CASE WHEN deeds.deed = 'ticket' AND deeds.day >= cells.start_day THEN 1 ELSE 0 END) AS complained
    FROM measure_deeds AS deeds
    JOIN measure_cells AS cells ON cells.customer_id = deeds.customer_id
    WHERE deeds.day >= cells.previous_day AND deeds.day < cells.stop_day
    GROUP BY cells.dimension, COALESCE(cells.grp, deeds.channel, 'unknown'), deeds.customer_id
) AS customers
GROUP BY dimension, grp
