-- What the shop decides about its figures, in one row. The other models read it, so a change here recomputes them.
-- sold_statuses: orders that count as sales. completed_statuses: sales that stand. return_kinds: reasons that take money back.
SELECT
  'Europe/Berlin' AS time_zone,
  'EUR' AS currency,
  ['paid', 'shipped', 'delivered', 'returned'] AS sold_statuses,
  ['paid', 'shipped', 'delivered'] AS completed_statuses,
  ['return', 'refund'] AS return_kinds
