-- The channel of most orders; of equals the one used last, then the first by name.
SELECT customer, channel
FROM (
    SELECT
        customer,
        channel,
        ROW_NUMBER() OVER (PARTITION BY customer ORDER BY orders DESC, last_paid_at DESC, channel) AS place
    FROM (
        SELECT customer, channel, COUNT(*) AS orders, MAX(paid_at) AS last_paid_at
        FROM profile_orders
        WHERE paid_at IS NOT NULL AND channel IS NOT NULL
        GROUP BY 1, 2
    ) AS counted
) AS ranked
WHERE place = 1
