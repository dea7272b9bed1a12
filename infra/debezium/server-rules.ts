// The settings of a MySQL or MariaDB server that binlake's promises rest on (cdc-spec §7).
// Guarantee: a setting that the server's version does not have is not asked for.
import { broken, type Finding, is, type Rule } from './rule.ts'
import type { Flavour } from './template.ts'

const mysql = { flavour: 'mysql' } as const
const mariadb = { flavour: 'mariadb' } as const

export const serverRules: readonly Rule[] = [
  is('log_bin', 'ON', 'without a binary log there is nothing to read'),
  is('binlog_format', 'ROW', 'changes logged as statements never reach the lake'),
  is('binlog_row_image', 'FULL', 'columns that a change did not touch would be missing'),
  {
    setting: 'binlog_expire_logs_seconds',
    wanted: '604800 or more',
    safe: value => Number(value) === 0 || Number(value) >= 604_800,
    why: 'a connector that was down for longer would find its place gone',
  },
  is('binlog_row_value_options', '', 'updates of JSON would be logged in part', mysql),
  is('binlog_transaction_compression', 'OFF', 'events of a compressed transaction share their position', mysql),
  is('gtid_mode', 'ON', 'after a failover, positions alone do not tell the order', mysql),
  is('enforce_gtid_consistency', 'ON', 'gtid_mode needs it', mysql),
  is('log_replica_updates', 'ON', 'a replica would not log what it replicates', mysql),
  is('log_bin_compress', 'OFF', 'Debezium cannot read compressed events', mariadb),
  is('gtid_strict_mode', 'ON', 'GTIDs of a domain would not tell the order', mariadb),
  is('binlog_legacy_event_pos', 'ON', 'events would carry no positions (MariaDB 11.4 and newer)', mariadb),
]

/** The rules that a server's global variables break. Pure. */
export function serverFindings(variables: ReadonlyMap<string, string>, flavour: Flavour): Finding[] {
  return broken(serverRules, variables, flavour)
}
