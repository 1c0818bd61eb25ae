-- The id of each product number, in order.
SELECT product_id FROM profile_product_codes ORDER BY product
