// Draws the diagrams that the book has, flowcharts and sequences in Mermaid's notation, as SVG that takes its colours and
// its type from the page. What it does not know it refuses, so that no diagram is drawn wrongly.
import { escape as esc } from './html.mjs'
import { load } from './packages.mjs'

const dagre = load('@dagrejs/dagre')
const px = 14,
  line_height = 18,
  round = n => Math.round(n * 10) / 10
// Widths of the sans at 14 px, by kind of letter; a little generous.
const width = text =>
  [...text].reduce(
    (w, c) =>
      w + (/[ijl.,:;'|!()[\]]/.test(c) ? 4.1 : /[mwMW@]/.test(c) ? 11.4 : /[A-Z_]/.test(c) ? 8.9 : /[ frt]/.test(c) ? 5 : 7.3),
    0,
  )
function wrap(text, most) {
  const lines = []
  for (const part of text.split(/<br\s*\/?>/)) {
    let line = ''
    for (const word of part.trim().split(/\s+/)) {
      if (line && width(line + ' ' + word) > most) {
        lines.push(line)
        line = ''
      }
      line += (line ? ' ' : '') + word
    }
    lines.push(line)
  }
  return lines
}
const text_at = (x, y, lines, cls = '', anchor = 'middle') =>
  `<text x="${round(x)}" y="${round(y - ((lines.length - 1) * line_height) / 2)}" text-anchor="${anchor}"${cls ? ` class="${cls}"` : ''}>${lines.map((l, i) => (i ? `<tspan x="${round(x)}" dy="${line_height}">${esc(l)}</tspan>` : esc(l))).join('')}</text>`
const svg = (w, h, body, label, n, kind) =>
  `<svg xmlns="http://www.w3.org/2000/svg" class="dia ${kind}" viewBox="0 0 ${Math.ceil(w)} ${Math.ceil(h)}" width="${Math.ceil(w)}" height="${Math.ceil(h)}" style="--width: ${Math.ceil(w)}px" role="img" aria-label="${esc(label)}"><defs><marker id="a${n}" viewBox="0 0 8 8" refX="7.2" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path class="tip" d="M0 .6 7.5 4 0 7.4z"/></marker></defs>${body}</svg>`

export function draw(source, n = '') {
  const lines = source
    .trim()
    .split('\n')
    .map(l => l.trim())
    .filter(l => l && !l.startsWith('%%'))
  const [kind, direction] = lines.shift().split(/\s+/)
  if (kind === 'flowchart') return flow(lines, direction, n)
  if (kind === 'sequenceDiagram') return sequence(lines, n)
  throw new Error(`no such diagram: ${kind}`)
}

function flow(lines, direction, n) {
  const nodes = new Map(),
    edges = []
  const node = /^([A-Za-z]\w*)(?:(\["|\{"|\(\["|\[|\{)(.*?)("\]\)|"\]|"\}|\]|\}))?/
  for (const line of lines) {
    let rest = line,
      from = null,
      label = ''
    for (;;) {
      const m = rest.match(node)
      if (!m) throw new Error(`not understood: ${line}`)
      const [whole, id, open, text] = m
      if (open || !nodes.has(id))
        nodes.set(id, { id, text: text ?? id, shape: open?.startsWith('{') ? 'question' : open === '(["' ? 'round' : 'box' })
      if (from) edges.push({ from, to: id, label })
      rest = rest.slice(whole.length).trim()
      if (!rest) break
      const arrow = rest.match(/^(?:--\s*(?:"(.*?)"|([^-"]+?))\s*)?-->\s*/)
      if (!arrow) throw new Error(`not understood: ${line}`)
      from = id
      label = arrow[1] ?? arrow[2] ?? ''
      rest = rest.slice(arrow[0].length)
    }
  }
  const g = new dagre.graphlib.Graph({ multigraph: true })
  g.setGraph({
    rankdir: direction === 'LR' ? 'LR' : 'TB',
    nodesep: 26,
    ranksep: direction === 'LR' ? 40 : 30,
    marginx: 4,
    marginy: 4,
    edgesep: 16,
  })
  g.setDefaultEdgeLabel(() => ({}))
  for (const v of nodes.values()) {
    v.lines = wrap(v.text, v.shape === 'question' ? 150 : 170)
    v.width = Math.max(44, ...v.lines.map(width)) + (v.shape === 'question' ? 44 : 26)
    v.height = v.lines.length * line_height + 18
    v.tone = /^E[A-Z]{4,}|EADDRINUSE|^refused|^Cannot/.test(v.text)
      ? 'no'
      : /^OK|^enter it|^the port is lent|^127|listens on|bound to/.test(v.text)
        ? 'yes'
        : ''
    if (/OK.*EADDRINUSE/.test(v.text)) v.tone = 'late'
    g.setNode(v.id, v)
  }
  edges.forEach((e, i) => {
    e.lines = e.label ? wrap(e.label, 130) : []
    g.setEdge(
      e.from,
      e.to,
      {
        width: e.label ? Math.max(...e.lines.map(width)) + 12 : 0,
        height: e.lines.length * line_height + (e.label ? 4 : 0),
        labelpos: 'c',
        minlen: 1,
      },
      String(i),
    )
  })
  dagre.layout(g)
  const { width: w, height: h } = g.graph()
  let under = '',
    over = ''
  edges.forEach((e, i) => {
    const { points, x, y } = g.edge(e.from, e.to, String(i))
    let d = `M${round(points[0].x)} ${round(points[0].y)}`
    for (let k = 1; k < points.length - 1; ++k) {
      const p = points[k],
        q = points[k + 1],
        end = k === points.length - 2
      d += `Q${round(p.x)} ${round(p.y)} ${round(end ? q.x : (p.x + q.x) / 2)} ${round(end ? q.y : (p.y + q.y) / 2)}`
    }
    under += `<path class="edge" data-from="${e.from}" data-to="${e.to}" d="${d}" marker-end="url(#a${n})"/>`
    if (e.label) {
      const lw = Math.max(...e.lines.map(width)) + 8,
        lh = e.lines.length * line_height
      over += `<g class="on" data-from="${e.from}" data-to="${e.to}"><rect class="paper" x="${round(x - lw / 2)}" y="${round(y - lh / 2)}" width="${round(lw)}" height="${lh}"/>${text_at(x, y + 5, e.lines, 'label')}</g>`
    }
  })
  for (const v of nodes.values()) {
    const { x, y, width: vw, height: vh } = g.node(v.id),
      l = x - vw / 2,
      t = y - vh / 2,
      c = 13
    const shape =
      v.shape === 'question'
        ? `<path d="M${round(l + c)} ${round(t)}H${round(l + vw - c)}L${round(l + vw)} ${round(y)}L${round(l + vw - c)} ${round(t + vh)}H${round(l + c)}L${round(l)} ${round(y)}z"/>`
        : `<rect x="${round(l)}" y="${round(t)}" width="${round(vw)}" height="${round(vh)}" rx="${v.shape === 'round' ? vh / 2 : 7}"/>`
    over += `<g class="node ${v.shape} ${v.tone}" data-id="${v.id}">${shape}${text_at(x, y + 5, v.lines)}</g>`
  }
  const words = edges
    .map(e => `${nodes.get(e.from).text}${e.label ? ` ${e.label}:` : ':'} ${nodes.get(e.to).text}`)
    .join('; ')
    .replace(/<br\s*\/?>/g, ' ')
  return svg(w, h, under + over, `Flowchart. ${words}.`, n, 'flow')
}

function sequence(lines, n) {
  const people = [],
    events = []
  const person = id => {
    let p = people.find(p => p.id === id)
    if (!p) people.push((p = { id, text: id }))
    return p
  }
  for (const line of lines) {
    let m
    if ((m = line.match(/^participant (\w+)(?: as (.*))?$/))) person(m[1]).text = m[2] ?? m[1]
    else if ((m = line.match(/^(\w+)(--?)>>(\w+): (.*)$/)))
      events.push({ from: person(m[1]), to: person(m[3]), back: m[2] === '--', text: m[4] })
    else if ((m = line.match(/^Note over (\w+)(?:\s*,\s*(\w+))?: (.*)$/)))
      events.push({ over: person(m[1]), until: person(m[2] ?? m[1]), text: m[3] })
    else throw new Error(`not understood: ${line}`)
  }
  for (const p of people) {
    p.lines = wrap(p.text, 130)
    p.width = Math.max(...p.lines.map(width)) + 24
  }
  for (const e of events) {
    e.lines = wrap(e.text, 175)
    e.width = Math.max(...e.lines.map(width))
  }
  people[0].x = people[0].width / 2 + 4
  people.forEach((p, i) => {
    if (!i) return
    const before = people[i - 1]
    let gap = (before.width + p.width) / 2 + 18
    for (const e of events) {
      if (e.from && e.from !== e.to) {
        const a = people.indexOf(e.from),
          b = people.indexOf(e.to)
        if (Math.min(a, b) === i - 1 && Math.max(a, b) === i) gap = Math.max(gap, e.width + 26)
      }
      if (e.from && e.from === e.to && e.from === before) gap = Math.max(gap, e.width + 52)
      if (e.over && e.over === e.until && (e.over === before || e.over === p)) gap = Math.max(gap, (e.width + 22) / 2 + 14)
    }
    p.x = before.x + gap
  })
  for (const e of events)
    if (e.over) {
      e.middle = (e.over.x + e.until.x) / 2
      e.wide = Math.max(e.width + 22, Math.abs(e.until.x - e.over.x) + 40)
    }
  const last = people.at(-1),
    right =
      Math.max(
        last.x + last.width / 2,
        ...events.map(e => (e.over ? e.middle + e.wide / 2 : e.from === e.to ? e.from.x + e.width + 40 : 0)),
      ) + 4
  const left = Math.min(0, ...events.filter(e => e.over).map(e => e.middle - e.wide / 2))
  const head = Math.max(...people.map(p => p.lines.length)) * line_height + 16
  let y = head + 14,
    body = ''
  for (const e of events) {
    const h = e.lines.length * line_height
    if (e.over) {
      body += `<g class="note"><rect x="${round(e.middle - e.wide / 2)}" y="${y}" width="${round(e.wide)}" height="${h + 10}" rx="5"/>${text_at(e.middle, y + h / 2 + 10, e.lines)}</g>`
      y += h + 24
    } else if (e.from === e.to) {
      const x = e.from.x
      body += `<path class="edge" d="M${round(x)} ${y + 8}h22q6 0 6 6v${h - 4}q0 6 -6 6h-20" marker-end="url(#a${n})"/>${text_at(x + 36, y + 12 + h / 2, e.lines, 'label', 'start')}`
      y += h + 24
    } else {
      y += h
      const a = e.from.x,
        b = e.to.x
      body += `${text_at((a + b) / 2, y - h / 2 + 3, e.lines, 'label')}<path class="edge${e.back ? ' back' : ''}" d="M${round(a)} ${y + 5}H${round(b + (a < b ? -2 : 2))}" marker-end="url(#a${n})"/>`
      y += 20
    }
  }
  const bottom = y + 6
  const top = people
    .map(
      p =>
        `<path class="life" d="M${round(p.x)} ${head}V${bottom}"/><g class="node box"><rect x="${round(p.x - p.width / 2)}" y="2" width="${round(p.width)}" height="${head - 4}" rx="7"/>${text_at(p.x, head / 2 + 5, p.lines)}</g>`,
    )
    .join('')
  const words = events
    .map(e => (e.over ? `Note: ${e.text}` : `${e.from.text} to ${e.to.text}: ${e.text}`))
    .join('; ')
    .replace(/<br\s*\/?>/g, ', ')
  return svg(
    right - left,
    bottom + 4,
    `<g transform="translate(${-left} 0)">${top}${body}</g>`,
    `Sequence. ${words}.`,
    n,
    'sequence',
  )
}
