import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadGoldModels } from '../../../sql/gold-models.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'binlake-gold-'))
})
afterEach(() => rm(folder, { recursive: true }))

const write = (models: Record<string, string>) =>
  Promise.all(Object.entries(models).map(([name, text]) => writeFile(join(folder, `${name}.sql`), text)))

describe('loadGoldModels', () => {
  it('reads inputs, without CTEs and each once, and puts models behind their inputs', async () => {
    await write({
      a: '-- What a is.\n-- And more.\nWITH c AS (SELECT * FROM silver.orders) SELECT * FROM c, silver.orders AS o, gold.b AS b, (SELECT 1 FROM gold.z)',
      b: 'SELECT 1 AS x FROM silver."shop.odd name"',
      z: 'SELECT * FROM gold.b',
    })
    const models = await loadGoldModels(folder)
    expect(models.map(({ name }) => name)).toEqual(['b', 'z', 'a'])
    expect(models[2]).toMatchObject({
      description: 'What a is. And more.',
      inputs: [
        { schema: 'silver', table: 'orders' },
        { schema: 'gold', table: 'b' },
        { schema: 'gold', table: 'z' },
      ],
    })
    expect(models[0]!.inputs).toEqual([{ schema: 'silver', table: 'shop.odd name' }])
    expect(new Set(models.map(({ hash }) => hash)).size).toBe(3)
  })

  it.each([
    [{ a: 'SELECT * FROM gold.b', b: 'SELECT * FROM gold.c', c: 'SELECT * FROM gold.a' }, 'GOLD_CIRCLE', 'a -> b -> c -> a'],
    [{ a: 'SELECT * FROM gold.a' }, 'GOLD_CIRCLE', 'a -> a'],
    [{ a: 'SELECT * FROM gold.nothing' }, 'GOLD_INPUT_UNKNOWN', 'gold.nothing'],
    [{ a: 'SELECT * FROM bronze.orders' }, 'GOLD_INPUT_UNKNOWN', 'bronze.orders'],
    [{ a: 'SELECT * FROM orders' }, 'GOLD_INPUT_UNKNOWN', 'orders'],
    [{ a: 'SELEC 1' }, 'GOLD_SQL_INVALID', 'a.sql'],
    [{ a: 'DROP TABLE x' }, 'GOLD_SQL_INVALID', 'a.sql'],
    [{ a: 'SELECT 1; SELECT 2' }, 'GOLD_SQL_INVALID', 'a.sql'],
    [{ 'A b': 'SELECT 1' }, 'GOLD_NAME_INVALID', 'A b.sql'],
  ])('refuses %j', async (models, code, text) => {
    await write(models)
    await expect(loadGoldModels(folder)).rejects.toMatchObject({ code, message: expect.stringContaining(text) })
  })

  it("reads the shop's models, each with a definition", async () => {
    const models = await loadGoldModels()
    expect(models.map(({ name }) => name)).toEqual(expect.arrayContaining(['daily_sales', 'revenue_by_category', 'customer_rfm']))
    for (const model of models) expect(model.description.length).toBeGreaterThan(40)
  })
})
