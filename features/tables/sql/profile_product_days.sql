-- One row per customer, product and local day, which everything but the order counts derives from. `day` counts
-- from 1970-01-01.
SELECT
    customer,
    product,
    CAST(DATE_DIFF('day', DATE '1970-01-01', CAST(local_at AS DATE)) AS INTEGER) AS day,
    SUM(amount) AS amount
FROM profile_lines
GROUP BY 1, 2, 3
