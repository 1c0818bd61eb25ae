-- Scores given in each cell's window, with the sums of their squares. "Would you recommend us" counts once a
-- customer, the last answer (of one instant the lowest): 9 and 10 are 100 points, 0 to 6 are -100. Satisfied is 4 or 5.
SELECT
    dimension,
    grp,
    SUM(CASE WHEN kind = 'nps' THEN points END) AS nps_points,
    SUM(CASE WHEN kind = 'nps' THEN points * points END) AS nps_points_squared,
    SUM(CASE WHEN kind = 'nps' AND place = 1 THEN 1 ELSE 0 END) AS nps_customers,
    SUM(CASE WHEN kind = 'csat' THEN score END) AS csat_score,
    SUM(CASE WHEN kind = 'csat' THEN score * score END) AS csat_score_squared,
    SUM(CASE WHEN kind = 'csat' THEN 1 ELSE 0 END) AS csat_answers,
    SUM(CASE WHEN kind = 'csat' AND score >= 4 THEN 1 ELSE 0 END) AS csat_satisfied,
    COUNT(DISTINCT CASE WHEN kind = 'csat' THEN customer_id END) AS csat_customers
FROM (
    SELECT
        *,
        CASE WHEN place > 1 THEN 0 WHEN score >= 9 THEN 100 WHEN score <= 6 THEN -100 ELSE 0 END AS points
    FROM (
        SELECT
            cells.dimension,
            cells.grp,
            given.customer_id,
            given.kind,
            CAST(given.score AS DOUBLE) AS score,
            ROW_NUMBER() OVER (
                PARTITION BY cells.dimension, cells.grp, given.customer_id, given.kind
                ORDER BY given.local_at DESC, given.score
            ) AS place
        FROM feedback AS given
        JOIN measure_cells AS cells ON cells.customer_id = given.customer_id
        WHERE
            given.score IS NOT NULL
            AND given.local_at < $as_of
            AND given.local_at >= cells.start_day
            AND given.local_at < cells.stop_day
            AND cells.dimension <> 'channel'
    ) AS ranked
) AS scored
GROUP BY dimension, grp
