-- The purchase days of each customer, each with the one before it (NULL on the first).
SELECT
    customer,
    day,
    amount,
    LAG(day) OVER (PARTITION BY customer ORDER BY day) AS previous_day
FROM profile_days
WHERE purchase = 1
