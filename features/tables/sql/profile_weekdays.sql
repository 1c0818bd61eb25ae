-- The weekday (1 Monday to 7 Sunday) with most purchase days; of equals the one used last.
SELECT customer, weekday
FROM (
    SELECT
        customer,
        weekday,
        ROW_NUMBER() OVER (PARTITION BY customer ORDER BY days DESC, last_day DESC) AS place
    FROM (
        -- Day 0, 1970-01-01, was a Thursday; 700000 keeps the remainder positive for days before it.
        SELECT customer, (day + 700003) % 7 + 1 AS weekday, COUNT(*) AS days, MAX(day) AS last_day
        FROM profile_purchase_days
        GROUP BY 1, 2
    ) AS counted
) AS ranked
WHERE place = 1
