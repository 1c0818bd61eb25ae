-- The days between consecutive purchase days of each customer, in no order.
SELECT customer, day - previous_day AS gap FROM profile_purchase_days WHERE previous_day IS NOT NULL
