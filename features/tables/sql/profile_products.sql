-- Each product in the order of its number with what affinities are about: category, brand, and the band of its
-- price among the products of its category (low, middle or high by thirds; equal prices share a band). The price
-- is the listed one, else what was paid on average. NULL where the product table does not tell.
SELECT
    product_id,
    category,
    brand,
    CASE
        WHEN category IS NULL OR unit_price IS NULL THEN NULL
        WHEN place < 1.0 / 3 THEN 'low'
        WHEN place < 2.0 / 3 THEN 'middle'
        ELSE 'high'
    END AS price_band
FROM (
    SELECT
        product,
        product_id,
        category,
        brand,
        unit_price,
        PERCENT_RANK() OVER (
            PARTITION BY category, CASE WHEN unit_price IS NULL THEN 1 ELSE 0 END ORDER BY unit_price
        ) AS place
    FROM (
        SELECT
            codes.product,
            codes.product_id,
            products.category,
            products.brand,
            COALESCE(CAST(products.price AS DOUBLE), codes.paid_price) AS unit_price
        FROM profile_product_codes AS codes
        LEFT JOIN products ON products.product_id = codes.product_id
    ) AS priced
) AS placed
ORDER BY product
