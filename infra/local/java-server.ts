// What Kafka and Connect have in common: a Java program with jars, a properties file and a log.
// Guarantee: a properties file is rendered the same for the same settings, and no value can start a second line.
import { join } from 'node:path'

const log4j = join(import.meta.dirname, 'log4j2.properties')

/** Lines `name=value`. Backslashes are doubled; a line break in a value is an error. */
export function properties(settings: Record<string, string | number>): string {
  return Object.entries(settings)
    .map(([name, value]) => {
      if (/[\r\n]/.test(`${name}${value}`)) throw new TypeError(`the setting ${name} must not hold a line break`)
      return `${name}=${String(value).replaceAll('\\', '\\\\')}\n`
    })
    .join('')
}

/** The arguments that run `main` with a heap of at most `heapMb` megabytes. */
export function javaArgs(jars: string, main: string, options: { heapMb: number; args: string[] }): string[] {
  return [
    `-Xmx${options.heapMb}m`,
    '-Xms128m',
    '-XX:+UseG1GC',
    '-XX:+ExitOnOutOfMemoryError',
    '-Djava.awt.headless=true',
    `-Dlog4j2.configurationFile=${log4j}`,
    '-cp',
    join(jars, '*'),
    main,
    ...options.args,
  ]
}
