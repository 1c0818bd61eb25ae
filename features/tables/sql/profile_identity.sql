-- Who each customer is, as the customer table says, in the order of their numbers; and what each agreed to, by the
-- rule of consent.sql: agreed where the shop never asks, and no answer is a no where it does.
WITH asked AS (
    SELECT COUNT(consent_personalization) AS personalization, COUNT(consent_marketing) AS marketing
    FROM customers
)

SELECT
    people.signed_up_at,
    people.birth_date,
    people.gender,
    people.region,
    COALESCE(people.consent_personalization, asked.personalization = 0) AS consent_personalization,
    COALESCE(people.consent_marketing, asked.marketing = 0) AS consent_marketing
FROM profile_customer_codes AS codes
CROSS JOIN asked
LEFT JOIN customers AS people ON people.customer_id = codes.customer_id
ORDER BY codes.customer
