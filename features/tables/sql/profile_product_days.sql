-- One row per customer, product and local day: the one scan of the order lines that everything but the order
-- counts derives from. `day` counts from 1970-01-01; a sale cancelled on its own day nets out here.
SELECT
    customers.customer,
    products.product,
    CAST(DATE_DIFF('day', DATE '1970-01-01', CAST(lines.local_at AS DATE)) AS INTEGER) AS day,
    SUM(lines.amount) AS amount
FROM orders AS lines
JOIN profile_customer_codes AS customers ON customers.customer_id = lines.customer_id
JOIN profile_product_codes AS products ON products.product_id = lines.product_id
WHERE lines.local_at < $as_of
GROUP BY 1, 2, 3
