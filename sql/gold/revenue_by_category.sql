-- Revenue of the orders that count as sold, by day of the shop's calendar, currency and category: both the category that the product
-- had when it was ordered and the one it has now (or had last). An order older than the product's first known version takes that one.
-- revenue = quantity × unit price, before the order's discount.
-- Of versions of one instant only the last counts.
WITH versions AS (
  SELECT id AS product_id, category, _valid_from
  FROM silver.products_history
  WHERE _op NOT IN ('d', 't')
  QUALIFY row_number() OVER (PARTITION BY id, _valid_from ORDER BY _seq DESC) = 1
),

ends AS (
  SELECT product_id, arg_min(category, _valid_from) AS first_category, arg_max(category, _valid_from) AS last_category
  FROM versions
  GROUP BY product_id
),

lines AS (
  SELECT
    CAST(orders.placed_at AT TIME ZONE settings.time_zone AS DATE) AS day,
    orders.placed_at,
    orders.currency,
    items.product_id,
    items.quantity,
    items.unit_price
  FROM silver.orders AS orders
  JOIN silver.order_items AS items ON items.order_id = orders.id
  CROSS JOIN gold.shop_settings AS settings
  WHERE list_contains(settings.sold_statuses, orders.status)
)

SELECT
  lines.day,
  lines.currency,
  CASE WHEN versions.product_id IS NULL THEN ends.first_category ELSE versions.category END AS category_at_order,
  ends.last_category AS category_now,
  count(*) AS lines,
  CAST(sum(lines.quantity) AS BIGINT) AS units,
  CAST(sum(lines.quantity * lines.unit_price) AS DECIMAL(18, 2)) AS revenue
FROM lines
ASOF LEFT JOIN versions ON versions.product_id = lines.product_id AND versions._valid_from <= lines.placed_at
LEFT JOIN ends ON ends.product_id = lines.product_id
GROUP BY ALL
ORDER BY ALL
