-- Every product the shop lists or ever sold before $as_of; best sellers of the last $window_days days first.
-- `listed` says that the shop described it: a product known only from order lines is never recommended.
WITH sold AS (
    SELECT
        product_id,
        COUNT(DISTINCT CASE WHEN local_at >= CAST($as_of AS DATE) - CAST($window_days AS INTEGER) THEN customer_id END)
            AS recent_buyers,
        COUNT(DISTINCT customer_id) AS buyers
    FROM orders
    WHERE local_at < $as_of
    GROUP BY product_id
)

SELECT
    COALESCE(p.product_id, s.product_id) AS product_id,
    COALESCE(p.name, '') AS name,
    COALESCE(p.category, '') AS category,
    COALESCE(p.brand, '') AS brand,
    CAST(p.price AS DOUBLE) AS price,
    COALESCE(p.in_stock, TRUE) AS in_stock,
    p.product_id IS NOT NULL AS listed,
    p.available_from IS NULL OR p.available_from <= $as_of AS available
FROM products AS p
FULL OUTER JOIN sold AS s ON p.product_id = s.product_id
ORDER BY
    COALESCE(s.recent_buyers, 0) DESC,
    COALESCE(s.buyers, 0) DESC,
    product_id
