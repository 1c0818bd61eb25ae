-- What each customer agreed to. Where the shop never asked (no such column) everybody counts as agreeing; where
-- it asks, no answer is a no, also of customers whom only order lines know.
WITH asked AS (
    SELECT
        COALESCE(MAX(CASE WHEN consent_personalization IS NOT NULL THEN 1 ELSE 0 END), 0) AS personalization,
        COALESCE(MAX(CASE WHEN consent_marketing IS NOT NULL THEN 1 ELSE 0 END), 0) AS marketing
    FROM customers
)

SELECT
    known.customer_id,
    COALESCE(answers.consent_personalization, asked.personalization = 0) AS personalization,
    COALESCE(answers.consent_marketing, asked.marketing = 0) AS marketing
FROM (SELECT customer_id FROM orders UNION SELECT customer_id FROM customers) AS known
CROSS JOIN asked
LEFT JOIN customers AS answers ON answers.customer_id = known.customer_id
ORDER BY known.customer_id
