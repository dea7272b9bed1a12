// Names what an Azure Storage failure means for the person who runs the lake.
// Guarantee: no key, signature, header or URL of the failed request travels on: the cause keeps its code, status and request id.
import { StoreError, type StoreErrorCode } from './store-error.ts'

/** The parts of the SDK's errors that are looked at. */
interface AzureFailure {
  name?: string
  code?: string
  statusCode?: number
  details?: { errorCode?: string; requestId?: string }
  response?: { headers?: { get(name: string): string | undefined } }
}

/** Azure's own word for a failure, e.g. `BlobAlreadyExists`; undefined for network errors. */
export function azureCode(error: unknown): string | undefined {
  const { code, details } = error as AzureFailure
  return details?.errorCode ?? code
}

export function azureStatus(error: unknown): number | undefined {
  return (error as AzureFailure).statusCode
}

/**
 * The coded form of an SDK error; `place` says what was being reached. An error that is coded already passes through.
 * `sas` is the signature in use, if one is: its end and its rights, which are no secret, may explain a refusal.
 */
export function azureStoreError(error: unknown, place: string, sas?: string): unknown {
  if (error instanceof StoreError) return error
  const { code, retryable, text } = meaning(error)
  const hints = code === 'STORE_DENIED' ? [clockHint(error), sasHint(error, sas)] : []
  const message = [`${place}: ${text}`, ...hints.filter(hint => hint !== undefined)].join('; ')
  return new StoreError(code, message, { retryable, cause: causeOf(error) })
}

/** The zone's container is missing, and making it failed. */
export function containerRefused(error: unknown, place: string, container: string): unknown {
  const status = azureStatus(error)
  if (status !== 403 && status !== 404 && status !== 401) return error
  return new StoreError(
    'STORE_DENIED',
    `${place}: the container ${container} does not exist, and what lets this zone in may not make one; make it by hand: az storage container create --name ${container}`,
    { cause: causeOf(error) },
  )
}

function causeOf(error: unknown): Error {
  const { name = 'Error', details } = error as AzureFailure
  const facts = [name, azureStatus(error), azureCode(error), details?.requestId && `request ${details.requestId}`]
  return new Error(facts.filter(fact => fact !== undefined).join(' '))
}

type Meaning = { code: StoreErrorCode; retryable: boolean; text: string }

const denials: Record<string, string> = {
  AuthenticationFailed: "the account refuses the key or signature (or token); check it, and this machine's clock",
  InvalidAuthenticationInfo:
    'the account does not take this kind of login; check the tenant, and that it is an account of this cloud',
  AuthorizationPermissionMismatch:
    'this identity may not do that; give it the role Storage Blob Data Contributor (to read only: Storage Blob Data Reader), for a signature the missing right',
  AuthorizationFailure:
    'the key is wrong, the signature lacks the right, or the firewall refuses this machine (Networking, in the portal)',
  AuthorizationSourceIPMismatch: 'the signature is for another address than this machine has',
  AuthorizationProtocolMismatch: 'the signature is for https only, or the endpoint is not https',
  AuthorizationServiceMismatch: 'the signature is not for the Blob service; it needs ss=b',
  AuthorizationResourceTypeMismatch: 'the signature does not cover containers and objects; it needs srt=sco',
  AccountIsDisabled: 'the account is disabled',
  KeyBasedAuthenticationNotPermitted:
    'this account allows no keys or account signatures; log in with an identity (docs/azure.md)',
  PublicAccessNotPermitted: 'nothing lets this process in: no key, signature or identity reached the account',
}

function meaning(error: unknown): Meaning {
  const status = azureStatus(error)
  const code = azureCode(error) ?? ''
  const name = (error as AzureFailure).name ?? ''
  if (/^(CredentialUnavailable|AggregateAuthentication|ChainedTokenCredential|Authentication(Required)?Error)/.test(name)) {
    return denied(
      'no Azure identity could log in; run `az login`, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, or use a managed identity',
    )
  }
  const denial = denials[code]
  if (denial) return denied(denial)
  if (status === 401) return denied(denials.AuthenticationFailed!)
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
    return {
      code: 'STORE_UNREACHABLE',
      retryable: true,
      text: `the account cannot be reached, ${unreachable(code, name)}; check the network, or that Azurite runs`,
    }
  }
  const retryable = status >= 500 || status === 408 || status === 429 || code === 'ContainerBeingDeleted'
  const advice = code === 'BlobImmutableDueToPolicy' ? ': a retention policy of the container forbids it' : ''
  return { code: 'STORE_FAILED', retryable, text: `Azure answered ${status} ${code}${advice}` }
}

function unreachable(code: string, name: string): string {
  if (code === 'ENOTFOUND') return 'no such host: check the account name'
  if (code === 'ETIMEDOUT') return 'no answer in time (lake.retry.timeout)'
  if (name === 'AbortError') return 'the answer stopped half-way (AbortError)'
  return `no connection (${code || name})`
}

/** Azure signs the time: beyond 15 minutes it refuses every request. */
function clockHint(error: unknown): string | undefined {
  const answered = Date.parse((error as AzureFailure).response?.headers?.get('date') ?? '')
  const minutes = Math.round((Date.now() - answered) / 60_000)
  if (!(Math.abs(minutes) >= 5)) return undefined
  return `this machine's clock is ${Math.abs(minutes)} minutes ${minutes > 0 ? 'ahead of' : 'behind'} Azure's: set it`
}

function sasHint(error: unknown, sas: string | undefined): string | undefined {
  if (sas === undefined) return undefined
  const fields = new URLSearchParams(sas)
  const answered = Date.parse((error as AzureFailure).response?.headers?.get('date') ?? '') || Date.now()
  const [start, end, rights] = [fields.get('st'), fields.get('se'), fields.get('sp')]
  if (end && Date.parse(end) <= answered) return `the signature expired at ${end}`
  if (start && Date.parse(start) > answered) return `the signature is valid only from ${start}`
  return rights ? `the signature's rights are ${rights}; docs/azure.md lists what is needed` : undefined
}

function denied(text: string): Meaning {
  return { code: 'STORE_DENIED', retryable: false, text }
}
