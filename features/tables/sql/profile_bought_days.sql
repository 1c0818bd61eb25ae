-- The days on which each customer bought each product, in no order.
SELECT customer, product, day FROM profile_product_days WHERE amount > 0
