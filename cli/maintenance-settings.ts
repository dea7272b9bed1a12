// What the configuration says about maintenance, as the processors take it.
import type { MaintenanceSettings } from '../processors/maintenance/maintenance-rounds.ts'
import type { Config } from './config.ts'

export function maintenanceSettings({ maintenance, retention }: Config): MaintenanceSettings {
  const { compact, vacuum, memory, write } = maintenance
  const { wait, ...retentions } = retention
  return { compact, vacuum, memory, longestWrite: write, retentions, patience: wait }
}
