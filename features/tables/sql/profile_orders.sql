-- One row per customer and order. Something of the order was kept where `paid_at`, its first paid line, is not NULL.
-- Sold and discount are those of lines that are not returns: a refund is not a decision to buy cheaply.
SELECT
    customer,
    order_id,
    CASE WHEN SUM(amount) > 0 THEN MIN(CASE WHEN amount > 0 THEN local_at END) END AS paid_at,
    SUM(CASE WHEN NOT is_return THEN amount END) AS sold,
    SUM(CASE WHEN is_return THEN -amount END) AS returned,
    SUM(discount) AS discount,
    MIN(channel) AS channel
FROM profile_lines
GROUP BY customer, order_id
