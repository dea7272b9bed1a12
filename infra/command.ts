// Runs a helper program (mvn, apt-get, dpkg, docker) to its end.
// Guarantee: a failure names the command and shows the end of what it said.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface CommandOptions {
  cwd?: string
  env?: Record<string, string>
  signal?: AbortSignal
  timeoutMs?: number
  /** Called with each line of output as it comes. */
  onLine?: (line: string) => void
}

export class CommandFailed extends Error {
  readonly code = 'COMMAND_FAILED'
  readonly retryable = true
  /** Both output streams. */
  readonly output: string
  constructor(message: string, output: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'CommandFailed'
    this.output = output
  }
}

/** Resolves to both output streams as one text, or throws CommandFailed. */
export async function run(command: string, args: string[], options: CommandOptions = {}): Promise<string> {
  const lines: string[] = []
  const signals = [options.signal, options.timeoutMs ? AbortSignal.timeout(options.timeoutMs) : undefined].filter(
    s => s !== undefined,
  )
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: AbortSignal.any(signals),
  })
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', line => {
      lines.push(line)
      options.onLine?.(line)
    })
  }
  const shown = `${command} ${args.slice(0, 3).join(' ')}`
  const status = await new Promise<number | string>((done, fail) => {
    child.once('error', error => fail(new CommandFailed(`${shown}: ${error.message}`, lines.join('\n'), error)))
    child.once('close', (code, signal) => done(code ?? signal ?? 'unknown'))
  })
  const output = lines.join('\n')
  if (status !== 0) throw new CommandFailed(`${shown} ended with ${status}:\n${lines.slice(-12).join('\n')}`, output)
  return output
}

/** Whether the command ends well within half a minute. */
export function works(command: string, args: string[]): Promise<boolean> {
  return run(command, args, { timeoutMs: 30_000 }).then(
    () => true,
    () => false,
  )
}
