import { expect, test } from 'vitest'
import { asShopMysqlError, ShopMysqlError } from '../../../shop/mysql-error.ts'
import { openShopDatabase } from '../../../shop/mysql-shop.ts'

function serverError(code: string): Error {
  const message = "Duplicate entry 'secret@example.com' for key"
  return Object.assign(new Error(message), { code, sqlState: '23000', sql: "INSERT … 'secret@example.com'" })
}

test('tells what may be tried again, and never quotes a row', () => {
  const cases = [
    ['ER_LOCK_DEADLOCK', 'SHOP_MYSQL_BUSY', true],
    ['PROTOCOL_CONNECTION_LOST', 'SHOP_MYSQL_LOST', true],
    ['ER_TABLEACCESS_DENIED_ERROR', 'SHOP_MYSQL_ACCESS', false],
    ['ER_DUP_ENTRY', 'SHOP_MYSQL_REFUSED', false],
  ] as const
  for (const [reason, code, retryable] of cases) {
    const error = asShopMysqlError(serverError(reason)) as ShopMysqlError
    expect(error).toBeInstanceOf(ShopMysqlError)
    expect(error).toMatchObject({ code, retryable, reason })
    expect(error.message).toContain(reason)
    expect(JSON.stringify(error) + error.stack + String(error.cause)).not.toContain('secret')
  }
})

test('leaves errors alone that are not MySQL’s', () => {
  for (const error of [new TypeError('x'), 'text', undefined, Object.assign(new Error('x'), { code: 'ENOENT' })]) {
    expect(asShopMysqlError(error)).toBe(error)
  }
})

test('a server that is not there is a lost one', async () => {
  await expect(openShopDatabase('mysql://user:password@127.0.0.1:1/shop')).rejects.toMatchObject({
    code: 'SHOP_MYSQL_LOST',
    reason: 'ECONNREFUSED',
  })
})
