-- Every customer of the profile with a dense number in id order: numbers group and join faster than ids.
-- $as_of is the as-of day, $as_of_instant its local midnight in UTC.
SELECT
    customer_id,
    CAST(ROW_NUMBER() OVER (ORDER BY customer_id) - 1 AS INTEGER) AS customer
FROM (
    SELECT customer_id FROM orders WHERE local_at < $as_of GROUP BY customer_id
    UNION
    SELECT customer_id FROM customers WHERE signed_up_at IS NULL OR signed_up_at < $as_of_instant
) AS known
