-- One row per customer and local purchase day, as the profile counts them: a day on which some product was bought,
-- its returns (also later ones, before $as_of) undone. Nothing is learned from who did not agree to it.
-- `net_sales` and `consent` are the queries sales_net_of_returns and consent.
SELECT
    days.customer_id,
    days.day,
    CAST(SUM(days.amount) AS DOUBLE) AS amount
FROM (
    SELECT customer_id, product_id, CAST(local_at AS DATE) AS day, SUM(amount) AS amount
    FROM net_sales
    GROUP BY customer_id, product_id, CAST(local_at AS DATE)
) AS days
JOIN consent ON consent.customer_id = days.customer_id
WHERE consent.personalization
GROUP BY days.customer_id, days.day
HAVING MAX(days.amount) > 0
ORDER BY days.customer_id, days.day
