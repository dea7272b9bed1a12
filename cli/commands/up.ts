// `binlake up` and `binlake down`: the local stack.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import { step } from '../../infra/report.ts'
import type { Stack, StackKind } from '../../infra/stack.ts'
import { isolatedConfig } from '../isolated-config.ts'
import { readPolicyFile } from '../open-policy.ts'
import { openSource } from '../open-source.ts'
import type { Session } from '../session.ts'
import { printSteps } from '../steps.ts'
import { withSession } from '../with-session.ts'

const upExamples = `
Kinds: docker (docker compose), local (the same servers as plain processes), embedded (no server: a change log made by
binlake itself). Without --stack the first of them that this machine can run is taken. A second up changes nothing that runs.

Examples:
  $ binlake up
  $ binlake up --stack embedded
  $ eval "$(binlake up --env)"     # settings for other programs of this shell; they hold passwords`

export function addUp(program: Command): void {
  program
    .command('up')
    .summary('start a local stack: MySQL, Debezium, Kafka, Azurite')
    .description('Starts the servers that are missing, creates the example shop, its connector and its mask keys.')
    .addOption(new Option('--stack <kind>', 'which kind of stack').choices(['docker', 'local', 'embedded']))
    .addOption(new Option('--json', 'the services as JSON').conflicts('env'))
    .option('--env', 'the settings as shell exports')
    .addHelpText('after', upExamples)
    .action(
      withSession<{ stack?: StackKind; json?: boolean; env?: boolean }>(async (session, { stack: kind, json, env }) => {
        const stack = await bringUp(session, kind)
        if (env) await session.print(exportLines(stack.env))
        else if (json) await session.print(`${JSON.stringify({ kind: stack.kind, services: stack.services }, null, 2)}\n`)
        else session.say(`the ${stack.kind} stack is up; next: binlake generate, binlake run, binlake sql\n`)
        return undefined
      }),
    )
}

export function addDown(program: Command): void {
  program
    .command('down')
    .summary('stop the local stack')
    .description('Stops what `binlake up` started. Data stays until --purge.')
    .option('--purge', 'also delete its data: databases, topics, lake (mask keys stay)')
    .addHelpText('after', '\nExamples:\n  $ binlake down\n  $ binlake down --purge')
    .action(
      withSession<{ purge?: boolean }>(async (session, { purge = false }) => {
        const { down } = await import('../../infra/stack.ts')
        await down({ dir: session.state, purge, report: printSteps(session.say) })
        return undefined
      }),
    )
}

/** Starts the stack of the session's state folder and makes the mask keys that its policy still lacks. */
export async function bringUp(session: Session, kind?: StackKind): Promise<Stack> {
  const { up } = await import('../../infra/stack.ts')
  const report = printSteps(session.say)
  const stack = await up({ dir: session.state, report, signal: session.signal, ...(kind ? { kind } : {}) })
  if (stack.kind !== 'embedded') await step(report, 'topics', () => firstTopics(session))
  const file = session.config.policy.file ?? stack.env.BINLAKE_POLICY
  if (file !== undefined) {
    const made = await makeMissingKeys(session.config.policy.keys, file)
    if (made > 0) report({ step: 'mask keys', state: 'done', detail: `${made} made in ${session.config.policy.keys}` })
  }
  return stack
}

class ConnectorSilent extends Error {
  readonly code = 'CONNECTOR_SILENT'
  readonly retryable = true
}

/** Waits until the connector has published its first events, so that a `run` right after finds them. */
async function firstTopics(session: Session): Promise<string> {
  const config = await isolatedConfig(session.config, session.state)
  await using open = await openSource(config, session.log)
  for (let waited = 0; waited < 60; waited++) {
    const topics = (await open.source.ends()).size
    if (topics > 0) return `${topics}`
    await sleep(1_000, undefined, { signal: session.signal })
  }
  throw new ConnectorSilent(
    'the connector has published nothing within 60 s: look into the log of Kafka Connect, or start over after `binlake down --purge`',
  )
}

async function makeMissingKeys(folder: string, policyFile: string): Promise<number> {
  const [{ createKey }, { parsePolicy }] = await Promise.all([import('../../privacy/keys.ts'), import('../../privacy/policy.ts')])
  const policy = parsePolicy(await readPolicyFile(policyFile), policyFile)
  let made = 0
  for (const [domain, { current }] of policy.keys) {
    try {
      await createKey(folder, { domain, version: current })
      made++
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'MASK_KEY_EXISTS') throw error
    }
  }
  return made
}

function exportLines(env: Record<string, string>): string {
  return Object.entries(env)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join('')
}
