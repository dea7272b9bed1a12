// `binlake connector`: the configuration of Debezium's connector for the server in use, and whether connector and server are safe to read from.
import type { Command } from 'commander'
import { describe, type Finding } from '../../infra/debezium/rule.ts'
import { whole } from '../arguments.ts'
import { need } from '../config.ts'
import { exit } from '../exit.ts'
import type { Session } from '../session.ts'
import { withSession } from '../with-session.ts'

const details = `
Examples:
  $ binlake connector show > connector.json    # fill in the password, then PUT it to Connect: /connectors/<name>/config
  $ binlake connector check`

export function addConnector(program: Command): void {
  const command = program
    .command('connector')
    .summary("Debezium's configuration for your server, and a check of it")
    .description("Shows the configuration of Debezium's connector for your MySQL or MariaDB, and checks what runs.")
    .addHelpText('after', details)
  command
    .command('show')
    .description('Prints the configuration for the server of mysql.url, MySQL or MariaDB; the password is left to be filled in.')
    .option('--user <name>', "Debezium's user on the server", 'debezium')
    .option('--replication <factor>', 'replication factor of the topics', whole(1), 3)
    .action(withSession<{ user: string; replication: number }>(show))
  command
    .command('check')
    .description('Checks the live connector and the server. Exit code 3: something is unsafe.')
    .option('--json', 'the findings as JSON')
    .action(withSession<{ json?: boolean }>(check))
}

async function show(session: Session, { user, replication }: { user: string; replication: number }): Promise<number> {
  const { config } = session
  const [{ openMysqlSession }, { connectorConfig }] = await Promise.all([
    import('../../connectors/mysql-session.ts'),
    import('../../infra/debezium/template.ts'),
  ])
  const url = new URL(need(config.mysql.url, 'mysql.url'))
  await using server = await openMysqlSession(url.href)
  const filled = await connectorConfig(
    {
      host: url.hostname,
      port: Number(url.port || 3306),
      user,
      password: '<password>',
      ssl: server.flavour === 'mariadb' ? 'trust' : 'preferred',
      prefix: need(config.kafka.prefix, 'kafka.prefix'),
      database: decodeURIComponent(url.pathname.slice(1)),
      brokers: need(config.kafka.brokers, 'kafka.brokers').join(','),
      replication,
    },
    server.flavour,
  )
  await session.print(`${JSON.stringify(filled, null, 2)}\n`)
  return exit.ok
}

async function check(session: Session, { json }: { json?: boolean }): Promise<number> {
  const { config, signal } = session
  const [{ openMysqlSession }, { connectorOf }, { connectorFindings }, { serverFindings, serverRules }] = await Promise.all([
    import('../../connectors/mysql-session.ts'),
    import('../../infra/debezium/captures.ts'),
    import('../../infra/debezium/connector-rules.ts'),
    import('../../infra/debezium/server-rules.ts'),
  ])
  const connector = await connectorOf(need(config.connect.url, 'connect.url'), need(config.kafka.prefix, 'kafka.prefix'), {
    signal,
  })
  await using server = await openMysqlSession(need(config.mysql.url, 'mysql.url'))
  const names = serverRules.map(({ setting }) => `'${setting}'`).join(', ')
  const rows = await server.query(`SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names})`)
  const variables = new Map(rows.map(([name, value]) => [name!, value ?? '']))
  const found = { connector: connectorFindings(connector.config), server: serverFindings(variables, server.flavour) }
  const kind = server.flavour === 'mariadb' ? 'MariaDB' : 'MySQL'
  const ours = [`connector ${connector.name}`, `${kind} ${server.version.join('.')}`]
  if (json) await session.print(`${JSON.stringify(found, null, 2)}\n`)
  else await session.print(`${told(ours[0]!, found.connector)}${told(ours[1]!, found.server)}`)
  return found.connector.length + found.server.length > 0 ? exit.degraded : exit.ok
}

function told(what: string, findings: readonly Finding[]): string {
  const lines = findings.length === 0 ? ['safe'] : describe(findings).split('\n')
  return lines.map(line => `${what}: ${line}\n`).join('')
}
