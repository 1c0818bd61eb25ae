-- The orders of which something was kept, in no order: when each was paid, to the second, and by which channel.
SELECT
    customer,
    CAST(HOUR(paid_at) AS INTEGER) AS hour,
    CAST(DATE_DIFF('second', TIMESTAMP '1970-01-01', paid_at) AS BIGINT) AS second,
    channel
FROM profile_orders
WHERE paid_at IS NOT NULL
