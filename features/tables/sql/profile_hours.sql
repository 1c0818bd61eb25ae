-- The local hour in which most orders were paid; of equals the one used last.
SELECT customer, hour
FROM (
    SELECT
        customer,
        hour,
        ROW_NUMBER() OVER (PARTITION BY customer ORDER BY orders DESC, last_paid_at DESC) AS place
    FROM (
        SELECT customer, HOUR(paid_at) AS hour, COUNT(*) AS orders, MAX(paid_at) AS last_paid_at
        FROM profile_orders
        WHERE paid_at IS NOT NULL
        GROUP BY 1, 2
    ) AS counted
) AS ranked
WHERE place = 1
