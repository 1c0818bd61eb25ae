-- One row per customer in the order of their numbers; NULL where there is nothing to measure.
SELECT
    codes.customer_id,
    bought.first_day,
    bought.last_day,
    COALESCE(bought.purchase_days, 0) AS purchase_days,
    CAST(bought.repeat_amount AS DOUBLE) AS repeat_amount,
    COALESCE(placed.orders, 0) AS orders,
    placed.discounted_orders,
    CAST(COALESCE(spent.spend, 0) AS DOUBLE) AS spend,
    CAST(placed.sold AS DOUBLE) AS sold,
    CAST(COALESCE(placed.returned, 0) AS DOUBLE) AS returned,
    CAST(placed.discount AS DOUBLE) AS discount
FROM profile_customer_codes AS codes
LEFT JOIN (
    SELECT
        customer,
        MIN(day) AS first_day,
        MAX(day) AS last_day,
        COUNT(*) AS purchase_days,
        SUM(CASE WHEN previous_day IS NOT NULL THEN amount END) AS repeat_amount
    FROM profile_purchase_days
    GROUP BY customer
) AS bought ON bought.customer = codes.customer
LEFT JOIN (
    SELECT
        customer,
        COUNT(paid_at) AS orders,
        SUM(CASE WHEN paid_at IS NOT NULL AND discount > 0 THEN 1 ELSE 0 END) AS discounted_orders,
        SUM(sold) AS sold,
        SUM(returned) AS returned,
        SUM(discount) AS discount
    FROM profile_orders
    GROUP BY customer
) AS placed ON placed.customer = codes.customer
LEFT JOIN (
    SELECT customer, SUM(amount) AS spend FROM profile_days GROUP BY customer
) AS spent ON spent.customer = codes.customer
ORDER BY codes.customer
