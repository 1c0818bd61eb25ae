-- Costs of winning and of keeping customers in each window.
SELECT
    dimension,
    grp,
    SUM(CASE WHEN kind = 'acquisition' THEN amount END) AS acquisition_cost,
    SUM(CASE WHEN kind = 'retention' THEN amount END) AS retention_cost
FROM measure_cost_shares
GROUP BY dimension, grp
