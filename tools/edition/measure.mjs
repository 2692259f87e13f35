// Measures again what the figures show.
//   node tools/edition/measure.mjs PROGRAMS           compares measured/*.json with what the programs in the folder PROGRAMS print
//   node tools/edition/measure.mjs PROGRAMS record    writes it there
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { measured } from './figures.mjs'
import { here } from './packages.mjs'

const [programs, record] = process.argv.slice(2)
const name = 'conflict_matrix'
const ipv6 = Object.values(os.networkInterfaces()).some(all => all.some(({ address }) => address === '::1'))
if (!ipv6) {
  console.log('needs IPv6 on loopback')
  process.exit(77)
}
const printed = execFileSync(path.join(programs, name), ['--json'], { maxBuffer: 1e8, stdio: ['ignore', 'pipe', 'inherit'] })
const { encode } = globalThis.figures[name]
const cells = encode(JSON.parse(printed))
if (record) {
  const kernel = os.release().match(/^\d+\.\d+/)[0]
  const data = { command: `./portlab run instruments/${name} --json`, kernel, cells }
  fs.writeFileSync(path.join(here, `measured/${name}.json`), JSON.stringify(data, null, 2) + '\n')
} else {
  const shown = measured(name).cells
  const other = [...cells].flatMap((cell, i) => (cell === shown[i] ? [] : [i]))
  if (other.length || cells.length !== shown.length) {
    console.log(
      `measured/${name}.json is not what this kernel says: ${other.length} of ${cells.length} cells, first ${other[0]}`,
    )
    process.exit(1)
  }
}
