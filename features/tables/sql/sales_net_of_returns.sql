-- The order lines before $as_of as if every return had happened with its sale: each sale as it stands, and each
-- return as negative rows that carry the order and the stamps of the sale they undo. Summed over a customer, an
-- order, a day or a product they give what was kept, and over everything the total of the lines, to the last digit.
--
-- A return (amount below 0, or goods given back for nothing) undoes the order it names in return_of_order_id, else
-- the customer's last sale of the product that is not undone yet: last in, first out. A line without a quantity
-- counts as one unit. A return of several sales spreads its amount over them by units. What no sale is known for
-- stays where it is, with no order_id.
--
-- `returned_at` (UTC, as ordered_at) is when the goods came back; NULL for sales, and only for them.
WITH lines AS (
    SELECT
        *,
        -- Sales first where stamps are equal; the rest makes the order of the rows in the lake irrelevant.
        ROW_NUMBER() OVER (
            ORDER BY
                customer_id,
                product_id,
                ordered_at,
                is_return,
                order_id,
                units,
                amount,
                line_id NULLS LAST,
                channel NULLS LAST,
                named NULLS LAST
        ) AS line
    FROM (
        SELECT
            orders.customer_id,
            orders.product_id,
            orders.order_id,
            orders.line_id,
            orders.channel,
            orders.ordered_at,
            orders.local_at,
            orders.amount,
            CASE WHEN orders.quantity = 0 THEN 1 ELSE ABS(orders.quantity) END AS units,
            CASE WHEN orders.amount < 0 OR (orders.amount = 0 AND orders.quantity < 0) THEN 1 ELSE 0 END AS is_return,
            orders.return_of_order_id AS named
        FROM orders
        JOIN (
            SELECT customer_id, product_id
            FROM orders
            WHERE local_at < $as_of AND (amount < 0 OR (amount = 0 AND quantity < 0))
            GROUP BY customer_id, product_id
        ) AS touched ON touched.customer_id = orders.customer_id AND touched.product_id = orders.product_id
        WHERE orders.local_at < $as_of
    ) AS typed
),

-- Returns that name their order: its lines of the product from the last to the first, the returns in their order,
-- both laid out along their units; where two stretches overlap, that many units came back.
named_matches AS (
    SELECT
        back.line AS return_line,
        sale.line AS sale_line,
        LEAST(sale.stop, back.stop) - GREATEST(sale.stop - sale.units, back.stop - back.units) AS units
    FROM (
        SELECT
            *,
            SUM(units) OVER (PARTITION BY customer_id, product_id, named ORDER BY line) AS stop
        FROM lines
        WHERE is_return = 1 AND named IS NOT NULL
    ) AS back
    JOIN (
        SELECT
            *,
            SUM(units) OVER (PARTITION BY customer_id, product_id, order_id ORDER BY line DESC) AS stop
        FROM lines
        WHERE is_return = 0
    ) AS sale
        ON sale.customer_id = back.customer_id
        AND sale.product_id = back.product_id
        AND sale.order_id = back.named
        AND sale.stop - sale.units < back.stop
        AND back.stop - back.units < sale.stop
),

-- The others, as a stack: a sale puts its units on top, a return takes units from the top.
moves AS (
    SELECT
        customer_id,
        product_id,
        line,
        is_return,
        LEAST(height, LAG(height, 1, 0) OVER stack) AS low,
        GREATEST(height, LAG(height, 1, 0) OVER stack) AS high
    FROM (
        SELECT
            lines.customer_id,
            lines.product_id,
            lines.line,
            lines.is_return,
            SUM(
                CASE WHEN lines.is_return = 1 THEN -lines.units ELSE lines.units - COALESCE(taken.units, 0) END
            ) OVER (PARTITION BY lines.customer_id, lines.product_id ORDER BY lines.line) AS height
        FROM lines
        LEFT JOIN (
            SELECT sale_line, SUM(units) AS units FROM named_matches GROUP BY sale_line
        ) AS taken ON taken.sale_line = lines.line
        WHERE lines.is_return = 0 OR lines.named IS NULL
    ) AS walked
    WINDOW stack AS (PARTITION BY customer_id, product_id ORDER BY line)
),

-- Between two neighbouring heights at which any move starts or ends, moves alternate: put on, taken off, put on …
-- So a unit taken off is one of the move before at its height. Below the ground the first is taken off from nothing:
-- its sale_line is NULL, a return of something sold before the data.
stack_matches AS (
    SELECT return_line, sale_line, SUM(units) AS units
    FROM (
        SELECT
            moves.is_return,
            moves.line AS return_line,
            LAG(moves.line) OVER (
                PARTITION BY moves.customer_id, moves.product_id, layers.low ORDER BY moves.line
            ) AS sale_line,
            layers.high - layers.low AS units
        FROM moves
        JOIN (
            SELECT
                customer_id,
                product_id,
                height AS low,
                LEAD(height) OVER (PARTITION BY customer_id, product_id ORDER BY height) AS high
            FROM (
                SELECT customer_id, product_id, low AS height FROM moves
                UNION
                SELECT customer_id, product_id, high AS height FROM moves
            ) AS heights
        ) AS layers
            ON layers.customer_id = moves.customer_id
            AND layers.product_id = moves.product_id
            AND layers.low >= moves.low
            AND layers.high <= moves.high
    ) AS layered
    WHERE is_return = 1
    GROUP BY return_line, sale_line
),

every_match AS (
    SELECT return_line, sale_line, units FROM named_matches
    UNION ALL
    SELECT return_line, sale_line, units FROM stack_matches
    UNION ALL
    -- What a named order did not sell.
    SELECT lines.line, NULL, lines.units - COALESCE(matched.units, 0)
    FROM lines
    LEFT JOIN (
        SELECT return_line, SUM(units) AS units FROM named_matches GROUP BY return_line
    ) AS matched ON matched.return_line = lines.line
    WHERE lines.is_return = 1 AND lines.named IS NOT NULL AND lines.units > COALESCE(matched.units, 0)
),

running AS (
    SELECT
        *,
        SUM(units) OVER (PARTITION BY return_line ORDER BY sale_line NULLS LAST) AS units_so_far
    FROM every_match
)

SELECT
    customer_id,
    product_id,
    order_id,
    channel,
    ordered_at,
    local_at,
    quantity,
    amount,
    discount,
    CAST(NULL AS TIMESTAMP) AS returned_at
FROM orders
WHERE local_at < $as_of AND NOT (amount < 0 OR (amount = 0 AND quantity < 0))
UNION ALL
SELECT
    back.customer_id,
    back.product_id,
    sale.order_id,
    COALESCE(sale.channel, back.channel) AS channel,
    COALESCE(sale.ordered_at, back.ordered_at) AS ordered_at,
    COALESCE(sale.local_at, back.local_at) AS local_at,
    CAST(-running.units AS DECIMAL(18, 4)) AS quantity,
    -- The difference of two rounded running shares, of which the last is the whole: rounding loses nothing.
    CAST(
        CASE
            WHEN running.units_so_far = back.units THEN back.amount
            ELSE CAST(back.amount * running.units_so_far / back.units AS DECIMAL(18, 4))
        END
        - CAST(back.amount * (running.units_so_far - running.units) / back.units AS DECIMAL(18, 4))
        AS DECIMAL(18, 4)
    ) AS amount,
    CAST(NULL AS DECIMAL(18, 4)) AS discount,
    back.ordered_at AS returned_at
FROM running
JOIN lines AS back ON back.line = running.return_line
LEFT JOIN lines AS sale ON sale.line = running.sale_line
