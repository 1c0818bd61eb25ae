-- Who each customer is, as the customer table says, and what each agreed to; in the order of their numbers.
SELECT
    people.signed_up_at,
    people.birth_date,
    people.gender,
    people.region,
    consent.personalization AS consent_personalization,
    consent.marketing AS consent_marketing
FROM profile_customer_codes AS codes
LEFT JOIN customers AS people ON people.customer_id = codes.customer_id
LEFT JOIN profile_consent AS consent ON consent.customer_id = codes.customer_id
ORDER BY codes.customer
