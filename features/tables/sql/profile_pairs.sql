-- One row per customer and product bought: on how many days, the first and the last.
SELECT
    customer,
    product,
    CAST(COUNT(*) AS INTEGER) AS purchase_days,
    MIN(day) AS first_day,
    MAX(day) AS last_day
FROM profile_product_days
WHERE amount > 0
GROUP BY customer, product
ORDER BY customer, product
