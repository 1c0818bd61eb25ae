-- Net spend of each customer on each day, for the replay of the tiers.
SELECT customer, day, CAST(amount AS DOUBLE) AS amount FROM profile_days ORDER BY customer, day
