-- One row per customer, product and local day on which the customer paid for the product.
-- Several lines of a day are one signal: a basket rung up twice says no more about taste than one.
-- A line that is returned on its own day, or was free, is no purchase; a later return does not undo the interest.
-- Who refused personalization is not learned from.
SELECT
    customer_id,
    product_id,
    CAST(local_at AS DATE) AS day
FROM orders
WHERE
    local_at < $as_of
    AND customer_id NOT IN (SELECT customer_id FROM customers WHERE consent_personalization = FALSE)
GROUP BY customer_id, product_id, CAST(local_at AS DATE)
HAVING SUM(amount) > 0
