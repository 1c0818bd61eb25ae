-- One row per customer, product and local day: the one scan of the order lines that everything but the order
-- counts derives from. `day` counts from 1970-01-01. A return stands on the day of the sale it undoes, so what was
-- given back was never bought.
SELECT
    customers.customer,
    products.product,
    CAST(DATE_DIFF('day', DATE '1970-01-01', CAST(lines.local_at AS DATE)) AS INTEGER) AS day,
    SUM(lines.amount) AS amount
FROM (
    SELECT customer_id, product_id, local_at, amount
    FROM orders
    WHERE local_at < $as_of AND NOT (amount < 0 OR (amount = 0 AND quantity < 0))
    UNION ALL
    SELECT customer_id, product_id, local_at, amount FROM profile_returns
) AS lines
JOIN profile_customer_codes AS customers ON customers.customer_id = lines.customer_id
JOIN profile_product_codes AS products ON products.product_id = lines.product_id
GROUP BY 1, 2, 3
