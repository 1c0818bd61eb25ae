-- One row per customer and order. Something was paid in it where `paid_at`, its first paid line, is not NULL.
-- Discounts are those of lines that are not returns: a refund is not a decision to buy cheaply.
SELECT
    customers.customer,
    lines.order_id,
    MIN(CASE WHEN lines.amount > 0 THEN lines.local_at END) AS paid_at,
    SUM(CASE WHEN lines.amount >= 0 THEN lines.amount END) AS sold,
    SUM(CASE WHEN lines.amount >= 0 THEN lines.discount END) AS discount
FROM orders AS lines
JOIN profile_customer_codes AS customers ON customers.customer_id = lines.customer_id
WHERE lines.local_at < $as_of
GROUP BY customers.customer, lines.order_id
