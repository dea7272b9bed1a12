// Reads the configured masking policy and its keys.
import { readFile } from 'node:fs/promises'
import type { Keys } from '../privacy/keys.ts'
import type { Policy } from '../privacy/policy.ts'
import { type Config, need } from './config.ts'
import { ConfigError } from './config-error.ts'

/** Throws ConfigError, PolicyInvalid, MaskKeyError. */
export async function openPolicy(config: Config): Promise<{ policy: Policy; keys: Keys }> {
  const file = need(config.policy.file, 'policy.file')
  const [{ loadKeys }, { parsePolicy }] = await Promise.all([import('../privacy/keys.ts'), import('../privacy/policy.ts')])
  const policy = parsePolicy(await readPolicyFile(file), file)
  return { policy, keys: await loadKeys(config.policy.keys, policy) }
}

/** The text of a policy file. Throws ConfigError if it cannot be read. */
export async function readPolicyFile(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new ConfigError(
      'CONFIG_UNREADABLE',
      [`policy.file: ${file}: cannot be read (${cause.code}): expected a masking policy`],
      { cause },
    )
  })
}
