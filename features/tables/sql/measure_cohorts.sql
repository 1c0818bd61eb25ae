-- How many customers whose first order lies in a month ordered in that month and in each later one; months count from
-- year 0. Only days from $begin_day to the one before $end_day, which are whole months.
SELECT
    YEAR(first_day) * 12 + MONTH(first_day) - 1 AS cohort,
    YEAR(day) * 12 + MONTH(day) - 1 AS month,
    COUNT(DISTINCT customer_id) AS customers
FROM measure_deeds
WHERE deed = 'order' AND first_day >= $begin_day AND day < $end_day
GROUP BY 1, 2
