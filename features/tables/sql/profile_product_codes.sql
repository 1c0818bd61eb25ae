-- Every product ordered before the as-of day with a dense number in id order, and what one piece of it cost on
-- average; NULL where nothing was paid for it.
SELECT
    product_id,
    CAST(ROW_NUMBER() OVER (ORDER BY product_id) - 1 AS INTEGER) AS product,
    CASE WHEN pieces > 0 THEN CAST(paid AS DOUBLE) / CAST(pieces AS DOUBLE) END AS paid_price
FROM (
    SELECT
        product_id,
        SUM(CASE WHEN amount > 0 THEN amount END) AS paid,
        SUM(CASE WHEN amount > 0 THEN quantity END) AS pieces
    FROM orders
    WHERE local_at < $as_of
    GROUP BY product_id
) AS ordered
