import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { type AzureSettings, azurePlace, checkAccess, zoneAccess } from '../../../connectors/azure-access.ts'

const account = azurePlace('abfss://mylake.dfs.core.windows.net/team/lake/')
const connection = 'DefaultEndpointsProtocol=https;AccountName=mylake;AccountKey=aHVudGVyMg==;EndpointSuffix=core.windows.net'
const sas = 'sv=2024-11-04&ss=b&srt=sco&sp=rl&se=2030-01-01T00:00:00Z&sig=hunter2'

test.each([
  ['az://', 'az://', '', undefined],
  ['az:///a/b/', 'az://a/b', 'a/b', undefined],
  ['abfss://mylake.dfs.core.windows.net', 'abfss://mylake.dfs.core.windows.net/', '', 'https://mylake.blob.core.windows.net'],
  [
    'abfss://a1b.dfs.core.usgovcloudapi.net/x',
    'abfss://a1b.dfs.core.usgovcloudapi.net/x',
    'x',
    'https://a1b.blob.core.usgovcloudapi.net',
  ],
  [
    'abfss://a1b.dfs.core.chinacloudapi.cn/x',
    'abfss://a1b.dfs.core.chinacloudapi.cn/x',
    'x',
    'https://a1b.blob.core.chinacloudapi.cn',
  ],
  [
    'abfss://a1b.z12.dfs.storage.azure.net/x',
    'abfss://a1b.z12.dfs.storage.azure.net/x',
    'x',
    'https://a1b.z12.blob.storage.azure.net',
  ],
])('%s is a place', (given, url, prefix, endpoint) => {
  expect(azurePlace(given)).toEqual({ url, prefix, ...(endpoint ? { account: { name: expect.any(String), endpoint } } : {}) })
})

test.each([
  ['abfss://bronze@mylake.dfs.core.windows.net/x', /account only/],
  ['abfss://ws@onelake.dfs.fabric.microsoft.com/l.Lakehouse/Files', /shortcut/],
  ['abfss://UPPER.dfs.core.windows.net', /write abfss/],
  [`abfss://mylake.dfs.core.windows.net/x?${sas}`, /lake\.sas/],
  [`az://x?${sas}`, /lake\.sas/],
])('%s is refused without its query', (url, reason) => {
  const refused = () => azurePlace(url)
  expect(refused).toThrow(reason)
  expect(refused).not.toThrow(/hunter2/)
})

const endpoint = 'https://mylake.blob.core.windows.net'
test.each<[string, AzureSettings, object]>([
  ['nothing set', {}, { endpoint, identity: {}, said: "this process's identity" }],
  ['a key', { key: 'k' }, { endpoint, account: 'mylake', key: 'k', said: 'lake.key' }],
  ['a signature', { sas: `?${sas}` }, { endpoint, sas, said: 'lake.sas' }],
  ['a signature with its URL', { sas: `${endpoint}/bronze?${sas}` }, { endpoint, sas }],
  ['a client', { client: 'c', tenant: 't' }, { identity: { client: 'c', tenant: 't' }, said: 'lake.client' }],
  ['an application', { client: 'c', secret: 's', tenant: 't' }, { identity: { client: 'c', secret: 's', tenant: 't' } }],
  ['this account in the environment', { azure: connection }, { endpoint, key: 'aHVudGVyMg==', said: 'lake.azure' }],
  ['another account in the environment', { azure: connection.replace('mylake', 'other') }, { endpoint, identity: {} }],
  ['a key beside a connection string', { azure: connection, key: 'k' }, { key: 'k', said: 'lake.key' }],
  ['a private endpoint', { key: 'k', endpoint: 'https://blobs.corp/' }, { endpoint: 'https://blobs.corp', account: 'mylake' }],
  ['a zone of its own', { key: 'k', zones: { bronze: { sas } } }, { sas, said: 'lake.zones.bronze.sas' }],
  ['another zone of its own', { key: 'k', zones: { silver: { sas } } }, { key: 'k', said: 'lake.key' }],
])('bronze with %s', (_, settings, expected) => {
  expect(zoneAccess(account, settings, 'bronze')).toMatchObject(expected)
})

test("a zone's own way in replaces the general one whole: nothing of it is left", () => {
  const access = zoneAccess(account, { key: 'k', azure: connection, zones: { bronze: { client: 'c' } } }, 'bronze')
  expect(access).not.toHaveProperty('key')
  expect(access.identity).toEqual({ client: 'c' })
})

test('az:// is the account of the connection string, by zone if they say so', () => {
  const place = azurePlace('az://x')
  const zones = { gold: { azure: 'BlobEndpoint=https://gold.blob.core.windows.net/;SharedAccessSignature=sv=1&sig=hunter2' } }
  expect(zoneAccess(place, { azure: connection, zones }, 'silver')).toMatchObject({ account: 'mylake' })
  expect(zoneAccess(place, { azure: connection, zones }, 'gold')).toMatchObject({ account: 'gold', sas: 'sv=1&sig=hunter2' })
  expect(() => checkAccess(place, { zones })).not.toThrow()
  expect(() => zoneAccess(place, { zones }, 'silver')).toThrow(/zone silver.*not set/)
  expect(zoneAccess(place, { azure: 'UseDevelopmentStorage=true' }, 'silver')).toMatchObject({ account: 'devstoreaccount1' })
})

test.each<[string, AzureSettings, RegExp]>([
  ['two ways at once', { key: 'hunter2', sas }, /lake\.key and lake\.sas/],
  [
    'two ways for a zone',
    { zones: { gold: { key: 'hunter2', client: 'c' } } },
    /lake\.zones\.gold\.key and lake\.zones\.gold\.client/,
  ],
  ['a secret without its client', { secret: 'hunter2' }, /lake\.client and lake\.tenant/],
  ['no signature', { sas: 'hunter2' }, /lake\.sas is not a shared access signature/],
  ['no connection string', { azure: 'AccountKey=hunter2' }, /not a connection string/],
  ["a zone's account that is another", { zones: { gold: { azure: connection.replace('mylake', 'other') } } }, /another account/],
])('refuses %s, and repeats no secret', (_, settings, reason) => {
  let refusal: unknown
  try {
    checkAccess(account, settings)
  } catch (error) {
    refusal = error
  }
  expect(refusal).toMatchObject({ code: 'STORE_CONFIG', message: expect.stringMatching(reason) })
  expect(inspect(refusal)).not.toMatch(/hunter2|aHVudGVyMg/)
})
