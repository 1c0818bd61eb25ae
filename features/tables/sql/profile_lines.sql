-- The order lines before the as-of day with the numbers of their customers and products: ids are looked up once.
-- A return stands on the day and in the order of the sale it undoes, so what was given back was never bought; one
-- whose sale is not known belongs to no order.
SELECT
    customers.customer,
    products.product,
    lines.order_id,
    lines.local_at,
    lines.amount,
    lines.discount,
    lines.channel,
    lines.is_return
FROM (
    SELECT customer_id, product_id, order_id, local_at, amount, discount, channel, FALSE AS is_return
    FROM orders
    WHERE local_at < $as_of AND NOT (amount < 0 OR (amount = 0 AND quantity < 0))
    UNION ALL
    SELECT customer_id, product_id, order_id, local_at, amount, NULL, NULL, TRUE FROM profile_returns
) AS lines
JOIN profile_customer_codes AS customers ON customers.customer_id = lines.customer_id
JOIN profile_product_codes AS products ON products.product_id = lines.product_id
