-- One row per customer and order before $as_of, its returns (also later ones) undone; returns whose sale is not known
-- make rows of their own, one a day, without an order_id. Summed over everything the amounts are those of the lines.
-- `kept`: something paid was kept; `placed`: something was paid; `returned`: something came back.
-- `net_sales` is the query sales_net_of_returns.
SELECT
    net_sales.customer_id,
    net_sales.order_id,
    MIN(net_sales.channel) AS channel,
    CAST(
        COALESCE(MIN(CASE WHEN net_sales.amount > 0 THEN net_sales.local_at END), MIN(net_sales.local_at)) AS DATE
    ) AS day,
    SUM(net_sales.amount) AS amount,
    SUM(net_sales.amount * COALESCE(products.margin, 0)) AS margin,
    CASE WHEN SUM(net_sales.amount) > 0 THEN 1 ELSE 0 END AS kept,
    MAX(CASE WHEN net_sales.amount > 0 THEN 1 ELSE 0 END) AS placed,
    MAX(CASE WHEN net_sales.returned_at IS NULL THEN 0 ELSE 1 END) AS returned
FROM net_sales
LEFT JOIN products ON products.product_id = net_sales.product_id
GROUP BY
    net_sales.customer_id,
    net_sales.order_id,
    CASE WHEN net_sales.order_id IS NULL THEN CAST(net_sales.local_at AS DATE) END
