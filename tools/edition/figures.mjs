// The figures of the texts, <!-- figure: NAME: ... -->, that are drawn. Each is drawn here as a page without scripts shows it, by the
// file figures/NAME.js, which also makes it live in a page with scripts; what was measured stands in measured/NAME.json.
import fs from 'node:fs'
import path from 'node:path'
import { escape, json } from './html.mjs'
import { here } from './packages.mjs'
import './figures/conflict_matrix.js'

export const measured = name => JSON.parse(fs.readFileSync(path.join(here, 'measured', `${name}.json`), 'utf8'))
export const names = fs.readdirSync(path.join(here, 'measured')).map(file => file.replace('.json', ''))

export const figures = {
  conflict_matrix(web) {
    const { command, kernel, cells } = measured('conflict_matrix')
    const maps = globalThis.figures.conflict_matrix.draw(cells)
    const caption =
      `<figcaption>The kernel's 2,304 answers, each measured by <code>${escape(command)}</code> on Linux ${kernel}; ` +
      'that command measures them on your machine.</figcaption>'
    if (!web) return `<figure class="figure">${maps}${caption}</figure>\n`
    return (
      `<figure class="figure wide"><port-matrix id="matrix"><div class="interactive">${maps}</div>` +
      `<script type="application/json">${json({ cells })}</script></port-matrix>${caption}</figure>\n`
    )
  },
}

/// What is wrong with the data of a figure, or with the rule that its drawing explains: sentences.
export function faults_of_data(name, data = measured(name)) {
  const wrong = globalThis.figures[name].surprises(data.cells)
  return wrong.length
    ? [`measured/${name}.json and the rule in figures/${name}.js differ in ${wrong.length} cells, first ${json(wrong[0])}`]
    : []
}
