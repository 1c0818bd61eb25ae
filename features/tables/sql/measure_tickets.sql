-- Tickets first answered, and tickets resolved, in each cell's window, with the hours that took since they were
-- opened. start_at and stop_at are the window's local midnights in UTC.
SELECT
    cells.dimension,
    cells.grp,
    SUM(CASE WHEN asked.step = 'answered' THEN asked.hours END) AS response_hours,
    SUM(CASE WHEN asked.step = 'answered' THEN 1 ELSE 0 END) AS answered_tickets,
    COUNT(DISTINCT CASE WHEN asked.step = 'answered' THEN asked.customer_id END) AS answered_customers,
    SUM(CASE WHEN asked.step = 'resolved' THEN asked.hours END) AS resolution_hours,
    SUM(CASE WHEN asked.step = 'resolved' THEN 1 ELSE 0 END) AS resolved_tickets,
    COUNT(DISTINCT CASE WHEN asked.step = 'resolved' THEN asked.customer_id END) AS resolved_customers,
    SUM(CASE WHEN asked.step = 'resolved' AND asked.satisfied IS NOT NULL THEN 1 ELSE 0 END) AS rated_tickets,
    SUM(CASE WHEN asked.step = 'resolved' AND asked.satisfied THEN 1 ELSE 0 END) AS satisfied_tickets,
    COUNT(DISTINCT CASE WHEN asked.step = 'resolved' AND asked.satisfied IS NOT NULL THEN asked.customer_id END)
        AS rated_customers
FROM (
    SELECT
        customer_id,
        'answered' AS step,
        first_response_at AS done_at,
        DATE_DIFF('second', opened_at, first_response_at) / 3600.0 AS hours,
        satisfied
    FROM tickets
    UNION ALL
    SELECT
        customer_id,
        'resolved' AS step,
        resolved_at AS done_at,
        DATE_DIFF('second', opened_at, resolved_at) / 3600.0 AS hours,
        satisfied
    FROM tickets
) AS asked
JOIN measure_cells AS cells ON cells.customer_id = asked.customer_id
WHERE asked.done_at >= cells.start_at AND asked.done_at < cells.stop_at AND cells.dimension <> 'channel'
GROUP BY cells.dimension, cells.grp
