import { expect, test } from 'vitest'
import { parseJavaVersion } from '../../../../infra/local/java.ts'
import { pom } from '../../../../infra/local/maven.ts'
import { parseMysqlVersion } from '../../../../infra/local/mysqld.ts'

test.each([
  ['openjdk version "17.0.15" 2025-04-15', 17],
  ['java version "1.8.0_402"', 8],
  ['openjdk version "21" 2023-09-19', 21],
  ['Picked up _JAVA_OPTIONS: -Xmx1g\nopenjdk version "25-ea" 2025-09-16', 25],
  ['command not found', 0],
])('java: %s', (output, version) => {
  expect(parseJavaVersion(output)).toBe(version)
})

test.each([
  ['mysqld  Ver 8.4.2 for Linux on x86_64 (MySQL Community Server - GPL)', '8.4.2'],
  ['/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))', '9.7.4'],
  ['mysqld  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)', undefined],
  ['mysqld  Ver 5.7.44 for Linux on x86_64', undefined],
  ['', undefined],
])('mysqld: %s', (output, version) => {
  expect(parseMysqlVersion(output)).toBe(version)
})

test('the pom names each artifact', () => {
  const text = pom([['org.example', 'thing', '1.2']])
  expect(text).toContain('<groupId>org.example</groupId><artifactId>thing</artifactId><version>1.2</version>')
})
