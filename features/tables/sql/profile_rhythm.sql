-- The purchase days of each customer, in no order, and the days since the one before; NULL on the first.
SELECT customer, day, CAST(day - previous_day AS INTEGER) AS gap FROM profile_purchase_days
