// Names what a local disk's error means for the person who runs the lake.
import { StoreError, type StoreErrorCode } from './store-error.ts'

const meanings: Record<string, { code: StoreErrorCode; retryable: boolean; text: string }> = {
  ENOSPC: {
    code: 'STORE_FULL',
    retryable: true,
    text: 'the disk is full; free some space, nothing half-written was left behind',
  },
  EDQUOT: {
    code: 'STORE_FULL',
    retryable: true,
    text: 'the disk quota is used up; raise it or free some space, nothing half-written was left behind',
  },
  EFBIG: { code: 'STORE_FULL', retryable: true, text: 'the file is larger than this process or disk may write; raise the limit' },
  EACCES: {
    code: 'STORE_DENIED',
    retryable: false,
    text: 'permission denied; give the user that runs binlake read and write access',
  },
  EPERM: { code: 'STORE_DENIED', retryable: false, text: 'not permitted; give the user that runs binlake read and write access' },
  EROFS: { code: 'STORE_DENIED', retryable: false, text: 'the disk is mounted read-only' },
  ENOTDIR: { code: 'STORE_PATH', retryable: false, text: 'a file stands where a folder is needed' },
  ENAMETOOLONG: { code: 'STORE_PATH', retryable: false, text: 'the name is longer than this disk allows' },
  EIO: { code: 'STORE_FAILED', retryable: true, text: 'the disk reports an input/output error' },
}

/** The coded form of a file-system error; `place` is the folder or file it happened at. An error that is coded already passes through. */
export function localStoreError(error: unknown, place: string): unknown {
  const meaning = storeErrno(error)
  if (!meaning) return error
  return new StoreError(meaning.code, `${place}: ${meaning.text}`, { retryable: meaning.retryable, cause: error })
}

export function storeErrno(error: unknown) {
  return meanings[(error as NodeJS.ErrnoException).code ?? '']
}
