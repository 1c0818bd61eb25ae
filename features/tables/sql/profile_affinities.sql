-- The five strongest categories of each customer, strongest first. A purchase day of a product loses half its
-- weight in $half_life_days, counted back from the customer's own last purchase day: shares do not change with
-- the origin, and the newest purchase always weighs 1, however long ago it was. Weights are whole billionths,
-- so that their sum does not depend on the order of the rows.
SELECT customer, place, category, weight, purchases, total
FROM (
    SELECT
        customer,
        category,
        weight,
        purchases,
        CAST(SUM(weight) OVER (PARTITION BY customer) AS DOUBLE) AS total,
        ROW_NUMBER() OVER (
            PARTITION BY customer ORDER BY CASE WHEN category IS NULL THEN 1 ELSE 0 END, weight DESC, category
        ) AS place
    FROM (
        SELECT
            days.customer,
            products.category,
            COUNT(*) AS purchases,
            CAST(SUM(CAST(ROUND(1e9 * POWER(0.5, (bought.last_day - days.day) / $half_life_days)) AS BIGINT)) AS BIGINT)
                AS weight
        FROM profile_product_days AS days
        JOIN profile_product_codes AS products ON products.product = days.product
        JOIN (
            SELECT customer, MAX(day) AS last_day FROM profile_purchase_days GROUP BY customer
        ) AS bought ON bought.customer = days.customer
        WHERE days.amount > 0
        GROUP BY days.customer, products.category
    ) AS weighed
) AS ranked
WHERE place <= 5 AND category IS NOT NULL
ORDER BY customer, place
