// What `binlake demo` asks the lake at its end.

export interface Question {
  title: string
  /** Asked only if the lake has this table. */
  table: string
  query: string
}

export const demoQuestions: readonly Question[] = [
  {
    title: 'What did the shop sell in its last days?',
    table: 'gold.daily_sales',
    query:
      'SELECT day, orders, units, gross, discounts, returns, net FROM gold.daily_sales WHERE orders > 0 ORDER BY day DESC LIMIT 5',
  },
  {
    title: 'Which categories earn most?',
    table: 'gold.revenue_by_category',
    query: `SELECT category_now AS category, sum(units) AS units, sum(revenue) AS revenue
      FROM gold.revenue_by_category GROUP BY ALL ORDER BY revenue DESC LIMIT 5`,
  },
  {
    title: 'Who are the customers?',
    table: 'gold.customer_rfm',
    query: `SELECT segment, count(*) AS customers, sum(orders) AS orders, sum(net_spend) AS net_spend
      FROM gold.customer_rfm GROUP BY segment ORDER BY net_spend DESC`,
  },
  {
    title: 'What does an analyst see of them?',
    table: 'silver.customers',
    query:
      'SELECT id, first_name, email, email_masked, phone, birth_date, country FROM silver.customers ORDER BY id DESC LIMIT 3',
  },
  {
    title: 'What happened to the order that changed most?',
    table: 'silver.orders_history',
    query: `SELECT id, status, _op, _valid_from, _valid_to, _is_current FROM silver.orders_history
      WHERE id = (SELECT id FROM silver.orders_history GROUP BY id ORDER BY count(*) DESC, id LIMIT 1) ORDER BY _seq`,
  },
]
