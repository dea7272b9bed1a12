-- Sales by day of the shop's calendar and currency, from the first order to the latest event; days without sales are there with zeros.
-- orders, units, gross (quantity × unit price) and discounts belong to the day the order was placed, if the order counts as sold.
-- returns are booked on the day of the return or refund. net = gross − discounts − returns.
WITH sold AS (
  SELECT
    orders.id,
    orders.currency,
    orders.discount,
    CAST(orders.placed_at AT TIME ZONE settings.time_zone AS DATE) AS day
  FROM silver.orders AS orders
  CROSS JOIN gold.shop_settings AS settings
  WHERE list_contains(settings.sold_statuses, orders.status)
),

taken_back AS (
  SELECT
    sold.currency,
    reasons.amount,
    CAST(reasons.created_at AT TIME ZONE settings.time_zone AS DATE) AS day
  FROM silver.reasons AS reasons
  JOIN sold ON sold.id = reasons.order_id
  CROSS JOIN gold.shop_settings AS settings
  WHERE list_contains(settings.return_kinds, reasons.kind)
),

events AS (
  SELECT placed_at AS happened_at
  FROM silver.orders
  UNION ALL
  SELECT greatest(reasons.created_at, orders.placed_at)
  FROM silver.reasons AS reasons
  JOIN silver.orders AS orders ON orders.id = reasons.order_id
),

span AS (
  SELECT
    CAST(min(happened_at) AT TIME ZONE any_value(time_zone) AS DATE) AS first_day,
    CAST(max(happened_at) AT TIME ZONE any_value(time_zone) AS DATE) AS last_day
  FROM events
  CROSS JOIN gold.shop_settings
),

days AS (
  SELECT CAST(unnest(generate_series(first_day, last_day, INTERVAL 1 DAY)) AS DATE) AS day
  FROM span
),

calendar AS (
  SELECT day, currency
  FROM days
  CROSS JOIN (SELECT DISTINCT currency FROM silver.orders)
),

by_order_day AS (
  SELECT day, currency, count(*) AS orders, sum(discount) AS discounts
  FROM sold
  GROUP BY day, currency
),

by_line_day AS (
  SELECT sold.day, sold.currency, sum(items.quantity) AS units, sum(items.quantity * items.unit_price) AS gross
  FROM sold
  JOIN silver.order_items AS items ON items.order_id = sold.id
  GROUP BY sold.day, sold.currency
),

by_return_day AS (
  SELECT day, currency, sum(amount) AS returns
  FROM taken_back
  GROUP BY day, currency
)

SELECT
  day,
  currency,
  coalesce(orders, 0) AS orders,
  CAST(coalesce(units, 0) AS BIGINT) AS units,
  CAST(coalesce(gross, 0) AS DECIMAL(18, 2)) AS gross,
  CAST(coalesce(discounts, 0) AS DECIMAL(18, 2)) AS discounts,
  CAST(coalesce(returns, 0) AS DECIMAL(18, 2)) AS returns,
  CAST(coalesce(gross, 0) - coalesce(discounts, 0) - coalesce(returns, 0) AS DECIMAL(18, 2)) AS net
FROM calendar
LEFT JOIN by_order_day USING (day, currency)
LEFT JOIN by_line_day USING (day, currency)
LEFT JOIN by_return_day USING (day, currency)
ORDER BY day, currency
