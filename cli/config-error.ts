// What is wrong with the configuration or the command line, every problem at once.

/** Exit code 2. Each problem reads `where: field: what is wrong, what is expected`. */
export class ConfigError extends Error {
  readonly code: 'CONFIG_INVALID' | 'CONFIG_MISSING' | 'CONFIG_UNREADABLE'
  readonly retryable = false

  constructor(code: ConfigError['code'], problems: readonly string[], options?: { cause?: unknown }) {
    super(problems.join('\n'), options)
    this.code = code
  }
}
