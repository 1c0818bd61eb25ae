-- One row per customer and local day with any line. A purchase day is one on which some product was bought, so
-- a day of returns or of goods given away is none.
SELECT
    customer,
    day,
    SUM(amount) AS amount,
    MAX(CASE WHEN amount > 0 THEN 1 ELSE 0 END) AS purchase
FROM profile_product_days
GROUP BY customer, day
