-- Complaints of each customer by category: those not resolved by the as-of day, and those opened in the
-- $behaviour_days local days before it. $as_of_instant is the local midnight of the as-of day in UTC.
SELECT
    codes.customer,
    tickets.category,
    SUM(CASE WHEN tickets.resolved_at IS NULL OR tickets.resolved_at >= $as_of_instant THEN 1 ELSE 0 END) AS open,
    SUM(
        CASE WHEN tickets.local_at >= CAST($as_of AS DATE) - CAST($behaviour_days AS INTEGER) THEN 1 ELSE 0 END
    ) AS recent
FROM tickets
JOIN profile_customer_codes AS codes ON codes.customer_id = tickets.customer_id
WHERE tickets.local_at < $as_of
GROUP BY codes.customer, tickets.category
ORDER BY codes.customer, tickets.category
