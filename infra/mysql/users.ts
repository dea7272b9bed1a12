// The two accounts of the reference stack: Debezium's and binlake's own.
// Guarantee: each may do what its work needs (cdc-spec §7) and no more; running the statements again is harmless.

/** The database that Debezium captures. */
export const database = 'shop'
/** Debezium reads its signals here; the rows are never data. */
export const signalTable = 'dbz_signal'

export interface Passwords {
  debezium: string
  binlake: string
}

/** Statements for an administrator, one a line, each without its semicolon. Passwords hold letters, digits, - and _ only. */
export function userStatements(passwords: Passwords): string[] {
  return [
    ...account('debezium', passwords.debezium),
    "GRANT SELECT, RELOAD, SHOW DATABASES, REPLICATION SLAVE, REPLICATION CLIENT, LOCK TABLES ON *.* TO 'debezium'@'%'",
    `GRANT CREATE, INSERT, UPDATE, DELETE ON \`${database}\`.\`${signalTable}\` TO 'debezium'@'%'`,
    ...account('binlake', passwords.binlake),
    `GRANT ALL PRIVILEGES ON \`${database}\`.* TO 'binlake'@'%'`,
    "GRANT REPLICATION CLIENT, RELOAD ON *.* TO 'binlake'@'%'",
  ]
}

/** Creates the account or gives the existing one this password. */
export function account(name: string, password: string, host = '%'): string[] {
  if (!/^[A-Za-z0-9_-]+$/.test(password)) throw new TypeError(`the password of ${name} may hold letters, digits, - and _ only`)
  return [
    `CREATE USER IF NOT EXISTS '${name}'@'${host}' IDENTIFIED BY '${password}'`,
    `ALTER USER '${name}'@'${host}' IDENTIFIED BY '${password}'`,
  ]
}
