-- The last answer to "would you recommend us" (of one instant the lowest) and the mean scores before the as-of day.
SELECT
    codes.customer,
    MAX(CASE WHEN given.kind = 'nps' AND given.place = 1 THEN given.score END) AS nps,
    AVG(CASE WHEN given.kind = 'csat' THEN given.score END) AS csat,
    AVG(CASE WHEN given.kind = 'review' THEN given.score END) AS review
FROM (
    SELECT
        customer_id,
        kind,
        CAST(score AS DOUBLE) AS score,
        ROW_NUMBER() OVER (PARTITION BY customer_id, kind ORDER BY local_at DESC, score) AS place
    FROM feedback
    WHERE local_at < $as_of AND score IS NOT NULL
) AS given
JOIN profile_customer_codes AS codes ON codes.customer_id = given.customer_id
GROUP BY codes.customer
