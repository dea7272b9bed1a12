// The command line as a whole: global options, the commands, how wrong usage is answered.
import { Command, CommanderError } from 'commander'
import pkg from '../package.json' with { type: 'json' }
import { collect } from './arguments.ts'
import { addCompact } from './commands/compact.ts'
import { addConnector } from './commands/connector.ts'
import { addDemo } from './commands/demo.ts'
import { addExplain } from './commands/explain.ts'
import { addGenerate } from './commands/generate.ts'
import { addQuarantine } from './commands/quarantine.ts'
import { addReplay } from './commands/replay.ts'
import { addResume } from './commands/resume.ts'
import { addRun } from './commands/run.ts'
import { addSchema } from './commands/schema.ts'
import { addSnapshot } from './commands/snapshot.ts'
import { addSql } from './commands/sql.ts'
import { addStatus } from './commands/status.ts'
import { addTables } from './commands/tables.ts'
import { addDown, addUp } from './commands/up.ts'
import { addVacuum } from './commands/vacuum.ts'
import { addVerify } from './commands/verify.ts'
import { exit } from './exit.ts'
import { watchStdout } from './stdout.ts'

/** Parses `argv` (as process.argv) and runs the command. Sets process.exitCode. */
export async function main(argv: readonly string[]): Promise<void> {
  watchStdout()
  try {
    await program().parseAsync([...argv])
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = error.exitCode === 0 ? exit.ok : exit.usage
  }
  // A handle left open must not keep a finished command alive.
  setTimeout(() => process.exit(), 3_000).unref()
}

/** All commands, each from its own file. */
export function program(): Command {
  const root = new Command('binlake')
    .description(pkg.description)
    .version(pkg.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('--config <file>', 'configuration file (default: binlake.yaml in this folder, if there is one)')
    .option('--lake <url>', 'where the lake lives: a folder, file:///…, abfss://…, az://')
    .option('--set <key=value>', 'set any configuration key, e.g. --set batch.records=1000; may be repeated', collect)
    .option('--state <folder>', 'where a local stack keeps its state (default: .binlake)')
    .option('--debug', 'log more, and show where in the code an error arose')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .showHelpAfterError('(--help lists what there is)')
    .exitOverride()
  for (const add of [
    addDemo,
    addUp,
    addDown,
    addGenerate,
    addRun,
    addStatus,
    addTables,
    addSql,
    addReplay,
    addResume,
    addSnapshot,
    addExplain,
    addQuarantine,
    addVerify,
    addSchema,
    addConnector,
    addCompact,
    addVacuum,
  ])
    add(root)
  root.addHelpText('after', after)
  return root
}

const after = `
Exit codes: 0 ok, 1 failure, 2 usage or configuration, 3 degraded, 4 verification mismatch, 5 policy violation, 75 try again.
Settings and their environment variables: docs/configuration.md. Errors: docs/errors.md.`
