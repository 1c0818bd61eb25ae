-- One row per customer, product and local day on which the customer paid for the product.
-- Several lines of a day are one signal: a basket rung up twice says no more about taste than one.
-- A line that is returned on its own day, or was free, is no purchase; a later return does not undo the interest.
-- Nothing is learned from who did not agree to it; `consent` is the query of that name.
SELECT
    orders.customer_id,
    orders.product_id,
    CAST(orders.local_at AS DATE) AS day
FROM orders
JOIN consent ON consent.customer_id = orders.customer_id
WHERE orders.local_at < $as_of AND consent.personalization
GROUP BY orders.customer_id, orders.product_id, CAST(orders.local_at AS DATE)
HAVING SUM(orders.amount) > 0
