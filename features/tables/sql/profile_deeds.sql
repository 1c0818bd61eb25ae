-- How often each customer checked in and brought somebody else, ever before the as-of day.
SELECT
    codes.customer,
    SUM(CASE WHEN events.type = 'sign_in' THEN 1 ELSE 0 END) AS check_ins,
    SUM(CASE WHEN events.type = 'referral' THEN 1 ELSE 0 END) AS referrals
FROM events
JOIN profile_customer_codes AS codes ON codes.customer_id = events.customer_id
WHERE events.local_at < $as_of AND events.type IN ('sign_in', 'referral')
GROUP BY codes.customer
