-- The local days of the first and the last order line before $as_of.
SELECT CAST(MIN(local_at) AS DATE) AS oldest_day, CAST(MAX(local_at) AS DATE) AS newest_day
FROM orders
WHERE local_at < $as_of
