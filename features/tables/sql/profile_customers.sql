-- One row per customer in the order of their numbers; NULL where there is nothing to measure.
SELECT
    codes.customer_id,
    bought.first_day,
    bought.last_day,
    COALESCE(bought.purchase_days, 0) AS purchase_days,
    CAST(bought.repeat_amount AS DOUBLE) AS repeat_amount,
    bought.median_gap,
    COALESCE(placed.orders, 0) AS orders,
    CAST(COALESCE(spent.spend, 0) AS DOUBLE) AS spend,
    CAST(placed.sold AS DOUBLE) AS sold,
    CAST(placed.discount AS DOUBLE) AS discount,
    weekdays.weekday,
    hours.hour
FROM profile_customer_codes AS codes
LEFT JOIN (
    SELECT
        customer,
        MIN(day) AS first_day,
        MAX(day) AS last_day,
        COUNT(*) AS purchase_days,
        SUM(CASE WHEN previous_day IS NOT NULL THEN amount END) AS repeat_amount,
        MEDIAN(day - previous_day) AS median_gap
    FROM profile_purchase_days
    GROUP BY customer
) AS bought ON bought.customer = codes.customer
LEFT JOIN (
    SELECT customer, COUNT(paid_at) AS orders, SUM(sold) AS sold, SUM(discount) AS discount
    FROM profile_orders
    GROUP BY customer
) AS placed ON placed.customer = codes.customer
LEFT JOIN (
    SELECT customer, SUM(amount) AS spend FROM profile_days GROUP BY customer
) AS spent ON spent.customer = codes.customer
LEFT JOIN profile_weekdays AS weekdays ON weekdays.customer = codes.customer
LEFT JOIN profile_hours AS hours ON hours.customer = codes.customer
ORDER BY codes.customer
