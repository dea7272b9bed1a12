// Names what an Azure Storage failure means for the person who runs the lake.
// Guarantee: no key, signature, header or URL of the failed request travels on: the cause keeps its code, status and request id.
import { StoreError, type StoreErrorCode } from './store-error.ts'

/** The parts of the SDK's errors that are looked at. */
interface AzureFailure {
  name?: string
  code?: string
  statusCode?: number
  details?: { errorCode?: string; requestId?: string }
}

/** Azure's own word for a failure, e.g. `BlobAlreadyExists`; undefined for network errors. */
export function azureCode(error: unknown): string | undefined {
  const { code, details } = error as AzureFailure
  return details?.errorCode ?? code
}

export function azureStatus(error: unknown): number | undefined {
  return (error as AzureFailure).statusCode
}

/** The coded form of an SDK error; `place` says what was being reached. An error that is coded already passes through. */
export function azureStoreError(error: unknown, place: string): unknown {
  if (error instanceof StoreError) return error
  const { code, retryable, text } = meaning(error)
  const { name = 'Error', details } = error as AzureFailure
  const facts = [name, azureStatus(error), azureCode(error), details?.requestId && `request ${details.requestId}`].filter(
    fact => fact !== undefined,
  )
  return new StoreError(code, `${place}: ${text}`, { retryable, cause: new Error(facts.join(' ')) })
}

type Meaning = { code: StoreErrorCode; retryable: boolean; text: string }

function meaning(error: unknown): Meaning {
  const status = azureStatus(error)
  const code = azureCode(error) ?? ''
  const name = (error as AzureFailure).name ?? ''
  if (name.startsWith('CredentialUnavailable') || name.startsWith('AggregateAuthentication') || name === 'AuthenticationError') {
    return denied(
      'no Azure identity could log in; run `az login`, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, or use a managed identity',
    )
  }
  if (code === 'AuthenticationFailed' || status === 401)
    return denied("the account refuses the key or signature; check it, and this machine's clock")
  if (code === 'AuthorizationPermissionMismatch')
    return denied('this identity may not do that; give it the role Storage Blob Data Contributor')
  if (code === 'AuthorizationFailure')
    return denied('the key is wrong, the signature lacks the permission, or the firewall refuses this machine')
  if (status === 403) return denied(`access refused (${code})`)
  if (code === 'ContainerNotFound' || code === 'FilesystemNotFound') {
    return {
      code: 'STORE_MISSING',
      retryable: false,
      text: 'the container does not exist, and could not be made; make it by hand',
    }
  }
  if (status === 404) return { code: 'STORE_MISSING', retryable: false, text: 'it is not there' }
  if (status === undefined || name === 'AbortError') {
    const network = code === 'ENOTFOUND' ? 'no such host: check the account name' : `no connection (${code || name})`
    return {
      code: 'STORE_UNREACHABLE',
      retryable: true,
      text: `the account cannot be reached, ${network}; check the network, or that Azurite runs`,
    }
  }
  const retryable = status >= 500 || status === 408 || status === 429 || code === 'ContainerBeingDeleted'
  return { code: 'STORE_FAILED', retryable, text: `Azure answered ${status} ${code}` }
}

function denied(text: string): Meaning {
  return { code: 'STORE_DENIED', retryable: false, text }
}
