-- One row per customer and order; a return belongs to the order it undoes, and one whose sale is not known to none.
-- Something of the order was kept where `paid_at`, its first paid line, is not NULL. Sold and discount are those of
-- lines that are not returns: a refund is not a decision to buy cheaply.
SELECT
    customers.customer,
    lines.order_id,
    CASE WHEN SUM(lines.amount) > 0 THEN MIN(CASE WHEN lines.amount > 0 THEN lines.local_at END) END AS paid_at,
    SUM(CASE WHEN NOT lines.is_return THEN lines.amount END) AS sold,
    SUM(CASE WHEN lines.is_return THEN -lines.amount END) AS returned,
    SUM(lines.discount) AS discount,
    MIN(lines.channel) AS channel
FROM (
    SELECT customer_id, order_id, local_at, amount, discount, channel, FALSE AS is_return
    FROM orders
    WHERE local_at < $as_of AND NOT (amount < 0 OR (amount = 0 AND quantity < 0))
    UNION ALL
    SELECT customer_id, order_id, local_at, amount, NULL, NULL, TRUE FROM profile_returns
) AS lines
JOIN profile_customer_codes AS customers ON customers.customer_id = lines.customer_id
GROUP BY customers.customer, lines.order_id
