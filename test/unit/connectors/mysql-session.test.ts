import { expect, test } from 'vitest'
import { versionOf } from '../../../connectors/mysql-session.ts'

test.each([
  ['9.7.4', [9, 7]],
  ['8.0.36-0ubuntu0.22.04.1', [8, 0]],
  ['10.11.18-MariaDB-0+deb12u1-log', [10, 11]],
  ['5.5.5-10.11.18-MariaDB', [10, 11]],
  ['', [0, 0]],
] as const)('version %s', (text, version) => {
  expect(versionOf(text)).toEqual(version)
})
