-- Recency, frequency and monetary value of every customer with a completed order in the shop's currency, seen from the latest order
-- in the shop (as_of). Scores run from 1 to 5 (best), five groups of equal size; equals are told apart by customer_id.
-- net_spend = quantity × unit price − discounts − returns and refunds. segment by the sum of scores: VIP from 13, Gold from 10, Silver from 7.
WITH completed AS (
  SELECT orders.id, orders.customer_id, orders.placed_at, orders.discount
  FROM silver.orders AS orders
  CROSS JOIN gold.shop_settings AS settings
  WHERE list_contains(settings.completed_statuses, orders.status)
    AND orders.currency = settings.currency
    AND orders.customer_id IN (SELECT id FROM silver.customers)
),

goods AS (
  SELECT order_id, sum(quantity * unit_price) AS amount
  FROM silver.order_items
  GROUP BY order_id
),

taken_back AS (
  SELECT reasons.order_id, sum(reasons.amount) AS amount
  FROM silver.reasons AS reasons
  CROSS JOIN gold.shop_settings AS settings
  WHERE list_contains(settings.return_kinds, reasons.kind)
  GROUP BY reasons.order_id
),

moment AS (
  SELECT max(orders.placed_at) AS as_of, any_value(settings.time_zone) AS time_zone
  FROM silver.orders AS orders
  CROSS JOIN gold.shop_settings AS settings
),

customers AS (
  SELECT
    completed.customer_id,
    max(completed.placed_at) AS last_order_at,
    count(*) AS orders,
    CAST(sum(coalesce(goods.amount, 0) - completed.discount - coalesce(taken_back.amount, 0)) AS DECIMAL(18, 2)) AS net_spend
  FROM completed
  LEFT JOIN goods ON goods.order_id = completed.id
  LEFT JOIN taken_back ON taken_back.order_id = completed.id
  GROUP BY completed.customer_id
),

scored AS (
  SELECT
    *,
    CAST(ntile(5) OVER (ORDER BY last_order_at, customer_id) AS SMALLINT) AS recency_score,
    CAST(ntile(5) OVER (ORDER BY orders, customer_id) AS SMALLINT) AS frequency_score,
    CAST(ntile(5) OVER (ORDER BY net_spend, customer_id) AS SMALLINT) AS monetary_score
  FROM customers
)

SELECT
  customer_id,
  moment.as_of,
  last_order_at,
  date_diff(
    'day',
    CAST(last_order_at AT TIME ZONE moment.time_zone AS DATE),
    CAST(moment.as_of AT TIME ZONE moment.time_zone AS DATE)
  ) AS recency_days,
  orders,
  net_spend,
  recency_score,
  frequency_score,
  monetary_score,
  CASE
    WHEN recency_score + frequency_score + monetary_score >= 13 THEN 'VIP'
    WHEN recency_score + frequency_score + monetary_score >= 10 THEN 'Gold'
    WHEN recency_score + frequency_score + monetary_score >= 7 THEN 'Silver'
    ELSE 'Bronze'
  END AS segment
FROM scored
CROSS JOIN moment
ORDER BY customer_id
