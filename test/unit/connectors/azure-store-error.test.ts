import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { azureStoreError } from '../../../connectors/azure-store-error.ts'
import type { StoreError } from '../../../connectors/store-error.ts'

const told = (facts: object) =>
  azureStoreError(
    Object.assign(new Error('sig=hunter2 key hunter2'), facts),
    'https://a.blob.core.windows.net/silver/x',
  ) as StoreError

const cases: [object, string, boolean, RegExp][] = [
  [{ statusCode: 403, code: 'AuthenticationFailed' }, 'STORE_DENIED', false, /key or signature/],
  [{ statusCode: 403, code: 'AuthorizationPermissionMismatch' }, 'STORE_DENIED', false, /Storage Blob Data Contributor/],
  [{ statusCode: 403, code: 'AuthorizationFailure' }, 'STORE_DENIED', false, /firewall/],
  [{ statusCode: 403, code: 'KeyBasedAuthenticationNotPermitted' }, 'STORE_DENIED', false, /identity/],
  [{ statusCode: 401, code: 'InvalidAuthenticationInfo' }, 'STORE_DENIED', false, /tenant/],
  [{ statusCode: 403, code: 'Other' }, 'STORE_DENIED', false, /Other/],
  [{ name: 'CredentialUnavailableError' }, 'STORE_DENIED', false, /az login/],
  [{ statusCode: 404, code: 'ContainerNotFound' }, 'STORE_MISSING', false, /container/],
  [{ statusCode: 404, code: 'BlobNotFound' }, 'STORE_MISSING', false, /not there/],
  [{ code: 'ENOTFOUND' }, 'STORE_UNREACHABLE', true, /account name/],
  [{ code: 'ECONNREFUSED' }, 'STORE_UNREACHABLE', true, /ECONNREFUSED/],
  [{ code: 'ETIMEDOUT' }, 'STORE_UNREACHABLE', true, /lake\.retry\.timeout/],
  [{ name: 'AbortError', statusCode: undefined }, 'STORE_UNREACHABLE', true, /AbortError/],
  [{ statusCode: 503, code: 'ServerBusy' }, 'STORE_FAILED', true, /503 ServerBusy/],
  [{ statusCode: 409, code: 'ContainerBeingDeleted' }, 'STORE_FAILED', true, /ContainerBeingDeleted/],
  [{ statusCode: 400, code: 'InvalidInput' }, 'STORE_FAILED', false, /400/],
]

test.each(cases)('%j', (facts, code, retryable, text) => {
  const error = told(facts)
  expect(error).toMatchObject({ code, retryable, message: expect.stringMatching(text) })
  expect(error.message).toContain('https://a.blob.core.windows.net/silver/x')
  expect(inspect(error, { depth: 9 })).not.toContain('hunter2')
})

const later = '2099-01-01T00:00:00Z'
test.each([
  ['sv=1&sp=rl&se=2020-01-01T00:00:00Z&sig=hunter2', /expired at 2020/],
  [`sv=1&sp=rl&st=${later}&se=${later}&sig=hunter2`, /valid only from 2099/],
  [`sv=1&sp=rl&se=${later}&sig=hunter2`, /rights are rl/],
])('a refused signature: %s', (sas, text) => {
  const error = azureStoreError(Object.assign(new Error('x'), { statusCode: 403, code: 'AuthorizationFailure' }), 'place', sas)
  expect(error).toMatchObject({ code: 'STORE_DENIED', message: expect.stringMatching(text) })
  expect(inspect(error, { depth: 9 })).not.toContain('hunter2')
})
