// The figures of a soak as an SVG: one small chart each for files, log, bytes and time to open, over simulated days.
import type { Sample, TableSample } from './sample.ts'

const colours = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd']
const width = 460
const height = 200
const margin = { left: 62, right: 12, top: 30, bottom: 30 }

interface Chart {
  title: string
  value: (table: TableSample) => number
}

const charts: Chart[] = [
  { title: 'live data files', value: ({ files }) => files },
  { title: 'objects in the log', value: ({ log }) => log.objects },
  { title: 'log, MB', value: ({ log }) => log.bytes / 1e6 },
  { title: 'time to open the table, ms', value: ({ openMs }) => openMs },
  { title: 'live data, MB', value: ({ bytes }) => bytes / 1e6 },
  { title: 'stored data, MB (live, and replaced but kept)', value: ({ stored }) => stored.bytes / 1e6 },
]

/** An SVG document. */
export function plot(samples: readonly Sample[]): string {
  const names = [...new Set(samples.flatMap(({ tables }) => Object.keys(tables)))].sort()
  const rows = Math.ceil(charts.length / 2)
  const legend = names
    .map(
      (name, i) => `<tspan fill="${colours[i % colours.length]}" dx="${i === 0 ? 0 : 14}">■ ${name.replace('shop/', '')}</tspan>`,
    )
    .join('')
  const drawn = charts.map((chart, i) => {
    const place = `translate(${(i % 2) * width} ${34 + Math.floor(i / 2) * height})`
    return `<g transform="${place}">${panel(chart, samples, names)}</g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${2 * width} ${34 + rows * height}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
<text x="${margin.left}" y="20" font-size="12">${legend}</text>
${drawn.join('\n')}
</svg>
`
}

function panel({ title, value }: Chart, samples: readonly Sample[], names: readonly string[]): string {
  const last = samples.at(-1)!.hours / 24
  const top = nice(Math.max(1e-9, ...samples.flatMap(({ tables }) => Object.values(tables).map(value))))
  const x = (days: number) => margin.left + (days / last) * (width - margin.left - margin.right)
  const y = (amount: number) => height - margin.bottom - (amount / top) * (height - margin.top - margin.bottom)
  const lines = names.map((name, i) => {
    const points = samples
      .filter(({ tables }) => tables[name])
      .map(({ hours, tables }) => `${x(hours / 24).toFixed(1)},${y(value(tables[name]!)).toFixed(1)}`)
    return `<polyline fill="none" stroke="${colours[i % colours.length]}" stroke-width="1.5" points="${points.join(' ')}"/>`
  })
  const grid = [0, 0.5, 1].map(part => {
    const at = y(part * top).toFixed(1)
    const label = Number((part * top).toPrecision(3)).toLocaleString('en')
    return `<path d="M${margin.left} ${at}H${width - margin.right}" stroke="#ddd"/><text x="${margin.left - 6}" y="${at}" dy="4" text-anchor="end" fill="#555">${label}</text>`
  })
  const every = Math.max(1, Math.ceil(last / 10))
  const days = Array.from({ length: Math.floor(last / every) + 1 }, (_, i) => i * every).map(
    day =>
      `<text x="${x(day).toFixed(1)}" y="${height - margin.bottom + 16}" text-anchor="middle" fill="#555">${day === 0 ? 'day 0' : day}</text>`,
  )
  return `<text x="${margin.left}" y="${margin.top - 10}" font-weight="bold">${title}</text>${grid.join('')}${days.join('')}${lines.join('')}`
}

/** The next 1, 2, 5 or 10 times a power of ten. */
function nice(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most))
  return [1, 2, 5, 10].map(step => step * power).find(step => step >= most)!
}
