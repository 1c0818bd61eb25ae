-- What of each kind of cost falls into the window of the whole shop and of each month: all of it where it was spent
-- at once, else the share of its period's days.
SELECT
    measure_windows.dimension,
    measure_windows.grp,
    spent.kind,
    SUM(
        CAST(spent.amount AS DOUBLE)
        * (
            DATE_DIFF(
                'day',
                GREATEST(spent.first_day, measure_windows.start_day),
                LEAST(spent.last_day, measure_windows.stop_day - CAST(1 AS INTEGER))
            )
            + 1
        )
        / (DATE_DIFF('day', spent.first_day, spent.last_day) + 1)
    ) AS amount
FROM (
    SELECT
        kind,
        amount,
        CAST(local_at AS DATE) AS first_day,
        COALESCE(period_end, CAST(local_at AS DATE)) AS last_day
    FROM costs
    WHERE local_at < $as_of
) AS spent
JOIN measure_windows
    ON measure_windows.dimension IN ('', 'month')
    AND spent.first_day < measure_windows.stop_day
    AND spent.last_day >= measure_windows.start_day
GROUP BY measure_windows.dimension, measure_windows.grp, spent.kind
