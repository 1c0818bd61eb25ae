-- Sessions of each cell's window. Each anonymous session counts as one visitor when it is asked whether too few
-- people stand behind a cell.
SELECT
    cells.dimension,
    COALESCE(cells.grp, visits.channel, 'unknown') AS grp,
    COUNT(*) AS sessions,
    SUM(visits.bounced) AS bounced_sessions,
    SUM(visits.bought) AS converted_sessions,
    COUNT(DISTINCT CASE WHEN visits.customer_id = '' THEN visits.session ELSE 'c' || visits.customer_id END)
        AS session_visitors
FROM measure_sessions AS visits
JOIN measure_cells AS cells ON cells.customer_id = visits.customer_id
WHERE visits.day >= cells.start_day AND visits.day < cells.stop_day
GROUP BY cells.dimension, COALESCE(cells.grp, visits.channel, 'unknown')
