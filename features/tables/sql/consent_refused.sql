-- Customers who said no to personalization. No answer, or no such column, is no refusal.
SELECT customer_id
FROM customers
WHERE consent_personalization = FALSE
ORDER BY customer_id
