-- Every product ordered before the as-of day with a dense number in id order; its category is NULL where the
-- product table does not know it.
SELECT
    ordered.product_id,
    CAST(ROW_NUMBER() OVER (ORDER BY ordered.product_id) - 1 AS INTEGER) AS product,
    products.category
FROM (SELECT product_id FROM orders WHERE local_at < $as_of GROUP BY product_id) AS ordered
LEFT JOIN products ON products.product_id = ordered.product_id
