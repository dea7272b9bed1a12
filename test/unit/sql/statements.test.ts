import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitStatements } from '../../../sql/statements.ts'

describe('splitStatements', () => {
  it.each<[string, string[], string]>([
    ['select 1; select 2;', ['select 1', 'select 2'], ''],
    ['select 1;\n-- done\n', ['select 1'], ''],
    ["select ';' ; select", ["select ';'"], ' select'],
    ["select 'it''s;'; ", ["select 'it''s;'"], ''],
    ['select ";" from t;', ['select ";" from t'], ''],
    ['select /* ; */ 1; ;;', ['select /* ; */ 1'], ''],
    ['select 1 -- ; no\n;', ['select 1 -- ; no'], ''],
    ['select $$;$$, $a$;$$;$a$;', ['select $$;$$, $a$;$$;$a$'], ''],
    ["select 'open ; ", [], "select 'open ; "],
    ['select 4/2 - 1;', ['select 4/2 - 1'], ''],
  ])('%j', (text, complete, rest) => expect(splitStatements(text)).toEqual({ complete, rest }))

  it('loses no character but the semicolons that cut', () => {
    const piece = fc.constantFrom("'", '"', ';', '--', '/*', '*/', '$$', '\n', ' ', 'a', '$x$', '/', '-')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), pieces => {
        const text = pieces.join('')
        const { complete, rest } = splitStatements(text)
        // A piece that is only space or comment may be dropped: compare what remains in order.
        let at = 0
        for (const part of [...complete, rest]) {
          const found = text.indexOf(part.trim(), at)
          expect(found).toBeGreaterThanOrEqual(at)
          at = found + part.trim().length
        }
      }),
    )
  })
})
