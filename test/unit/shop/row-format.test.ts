import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jsonText, rowFormat } from '../../../shop/row-format.ts'
import { shopTable } from '../../../shop/tables.ts'

describe('jsonText', () => {
  test('is JSON of the same text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), text => {
        expect(JSON.parse(jsonText(text))).toBe(text)
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), text => {
        expect(JSON.parse(jsonText(text))).toBe(text)
      }),
    )
  })

  test("writes escapes as Kafka Connect's converter does", () => {
    expect(jsonText('a"\\\n\u001a\u001f\u007fü\u2028😀')).toBe('"a\\"\\\\\\n\\u001A\\u001F\u007fü\u2028\\uD83D\\uDE00"')
    // Text that looks like an escape is no escape.
    expect(jsonText('\\u001a')).toBe('"\\\\u001a"')
  })
})

describe('rowFormat', () => {
  const payment = {
    id: 7,
    order_id: 3,
    method: 'card',
    amount: '12.30',
    status: 'failed',
    attempted_at: '1969-12-31 23:59:59.500000',
    created_at: '2025-01-01 00:00:30.120000',
    updated_at: '2025-01-01 00:00:30.000000',
  }
  const { key, streamed, scanned, text } = rowFormat(shopTable('payments'))

  test('prints decimals as text, DATETIME as microseconds, TIMESTAMP as ISO text', () => {
    expect(key(payment)).toBe('{"id":7}')
    const start = '{"id":7,"order_id":3,"method":"card","amount":"12.30","status":"failed","attempted_at":-500000,'
    expect(streamed(payment)).toBe(
      `${start}"created_at":"2025-01-01T00:00:30.120000Z","updated_at":"2025-01-01T00:00:30.000000Z"}`,
    )
    expect(scanned(payment)).toBe(`${start}"created_at":"2025-01-01T00:00:30.12Z","updated_at":"2025-01-01T00:00:30Z"}`)
  })

  test('keeps NULL apart from text, and the order of a composite key', () => {
    const reasons = rowFormat(shopTable('reasons'))
    expect(JSON.parse(reasons.text({ ...payment, line_no: null, kind: 'cancel', reason: 'null' }))[2]).toBeNull()
    expect(rowFormat(shopTable('order_items')).key({ line_no: 2, order_id: 1 })).toBe('{"order_id":1,"line_no":2}')
    expect(JSON.parse(text(payment))).toEqual(Object.values(payment).map(String))
  })
})
