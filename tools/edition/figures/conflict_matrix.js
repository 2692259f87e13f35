// The conflict matrix: every answer that the kernel gave, and why. Runs in the page and, for the page without scripts, at
// build time: draw() makes the whole heat map as text.
globalThis.figures ??= {}
globalThis.figures.conflict_matrix = (() => {
  const addresses = ['0.0.0.0', '127.0.0.1', '127.0.0.2', '[::]', '[::]v6only', '[::1]']
  const options = ['none', 'reuse_address', 'reuse_port', 'both']
  const states = [
    ['tcp', 'bound', 'TCP, bound, not listening'],
    ['tcp', 'listening', 'TCP, listening'],
    ['tcp', 'time_wait', 'TCP, gone, TIME-WAIT left'],
    ['udp', 'bound', 'UDP, bound'],
  ]
  const verdicts = {
    k: { name: 'OK', text: 'Both have the port.', glyph: '' },
    b: { name: 'bind: EADDRINUSE', text: 'The second bind is refused.', glyph: '×' },
    l: {
      name: 'one may listen',
      text: 'Both are bound; when one listens, the other’s listen is refused: EADDRINUSE.',
      glyph: '–',
    },
  }

  // One letter a cell, in the order of conflict_matrix --json. Throws where the kernel gave an answer of another kind.
  function encode(rows) {
    return rows
      .map(({ bind, listen, first_listen }) => {
        if (bind === 'EADDRINUSE') return 'b'
        if (bind === 'OK' && listen !== 'EADDRINUSE') return first_listen === 'EADDRINUSE' ? 'l' : 'k'
        throw new Error(`no letter for bind ${bind}, listen ${listen}`)
      })
      .join('')
  }
  const at = ({ state, a, ao, b, bo }) => (((state * 6 + a) * 6 + b) * 4 + ao) * 4 + bo

  // The rule of conflict_matrix.cpp, with the questions that it asks. The build compares it with every measured cell.
  const v6 = i => i > 2,
    any = i => i === 0 || i === 3 || i === 4,
    v6only = i => i > 3
  function overlap(a, b) {
    return (
      (v6(a) === v6(b) || (!v6only(a) && !v6only(b))) && (any(a) || any(b) || a === b || (v6(a) && v6(b) && a === 5 && b === 5))
    )
  }
  function rule({ state, a, ao, b, bo }) {
    const asked = []
    const ask = (id, question, yes, why) => (asked.push({ id, question, yes, why }), yes)
    const [protocol, doing] = states[state]
    let held = a,
      left = ''
    if (doing === 'time_wait' && any(a)) {
      held = a === 0 ? 1 : a === 3 ? 6 : 5
      left = ` What is left is one connection; its client had called ${held === 1 ? '127.0.0.1' : '[::1]'}.`
    }
    const meet = held === 6 ? b === 0 || b === 3 || b === 4 || b === 5 : overlap(held, b) // [::1] left by a dual-stack server
    const words = meet
      ? a === b
        ? 'They are the same.'
        : any(a) || any(b)
          ? `${addresses[any(b) && !any(a) ? b : any(a) ? a : b]} stands for the other one, too.`
          : 'They are the same.'
      : v6(a) !== v6(b)
        ? 'One is IPv4, the other IPv6 alone.'
        : left
          ? 'The second is another address.'
          : 'Two specific addresses overlap only when they are equal.'
    if (!ask('overlap', 'Do the addresses overlap?', meet, words + left)) return { verdict: 'k', asked }
    const which = (bit, name) => {
      const f = ao & bit,
        s = bo & bit
      return f && s ? `Both set ${name}.` : f ? 'Only the first set it.' : s ? 'Only the second set it.' : 'Neither set it.'
    }
    if (ask('port', 'SO_REUSEPORT on both?', !!(ao & bo & 2), which(2, 'it'))) {
      ask('user', 'One user?', true, 'Whoever measured had both sockets.')
      return { verdict: 'k', asked }
    }
    if (!ask('reuse', 'SO_REUSEADDR on both?', !!(ao & bo & 1), which(1, 'it'))) return { verdict: 'b', asked }
    if (
      ask(
        'listens',
        'Does the first one listen?',
        doing === 'listening',
        doing === 'listening'
          ? 'A listener shares with nobody on SO_REUSEADDR alone.'
          : doing === 'time_wait'
            ? 'No: only TIME-WAIT is left of it.'
            : protocol === 'udp'
              ? 'UDP has no listen.'
              : 'Not yet: it is only bound.',
      )
    )
      return { verdict: 'b', asked }
    if (protocol === 'tcp' && doing === 'bound') {
      ask('later', 'Can both listen later?', false, 'The first one to listen wins.')
      return { verdict: 'l', asked }
    }
    return { verdict: 'k', asked }
  }
  function* cells() {
    for (let state = 0; state < 4; ++state)
      for (let a = 0; a < 6; ++a)
        for (let b = 0; b < 6; ++b) for (let ao = 0; ao < 4; ++ao) for (let bo = 0; bo < 4; ++bo) yield { state, a, ao, b, bo }
  }
  const surprises = data => [...cells()].filter(cell => rule(cell).verdict !== data[at(cell)])

  // A heat map of one state: 6 × 6 pairs of addresses, each of 4 × 4 options. Three paths, whatever the size.
  const step = 10,
    gap = 5
  const place = (address, option) => address * (4 * step + gap) + option * step
  const size = 6 * (4 * step + gap) - gap
  function map(data, state, { small = false } = {}) {
    const paths = { k: '', b: '', l: '' },
      marks = { b: '', l: '' }
    for (let a = 0; a < 6; ++a)
      for (let b = 0; b < 6; ++b)
        for (let ao = 0; ao < 4; ++ao)
          for (let bo = 0; bo < 4; ++bo) {
            const v = data[at({ state, a, ao, b, bo })],
              x = place(b, bo),
              y = place(a, ao)
            paths[v] += `M${x} ${y}h9v9h-9z`
            if (v === 'b' && !small) marks.b += `M${x + 3} ${y + 3}l3 3m0-3l-3 3`
            if (v === 'l' && !small) marks.l += `M${x + 2.5} ${y + 4.5}h4`
          }
    const svg = Object.entries(paths)
      .map(([v, d]) => `<path class="v-${v}" d="${d}"/>`)
      .join('')
    return svg + (small ? '' : `<path class="mark" d="${marks.b}${marks.l}"/>`)
  }
  const count = (data, state) => {
    const n = { k: 0, b: 0, l: 0 }
    for (const c of data.slice(state * 576, state * 576 + 576)) ++n[c]
    return n
  }
  const label = (data, state) => {
    const n = count(data, state)
    return `${states[state][2]}: ${n.k} of 576 combinations succeed, ${n.b} are refused at bind${n.l ? `, ${n.l} at listen` : ''}`
  }
  const svg = (data, state, extra = '', attributes = '') =>
    `<svg viewBox="-1 -1 ${size + 1} ${size + 1}" ${attributes}>${map(data, state)}${extra}</svg>`

  // What a page without scripts shows: the four maps and their numbers.
  function draw(data) {
    return `<div class="maps">${states.map((s, i) => `<div class="map-of"><svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 ${size + 1} ${size + 1}" role="img" aria-label="${label(data, i)}">${map(data, i, { small: true })}</svg><span>${s[2]}</span></div>`).join('')}</div>`
  }
  return {
    addresses,
    options,
    states,
    verdicts,
    encode,
    at,
    rule,
    cells,
    surprises,
    map,
    svg,
    draw,
    label,
    count,
    place,
    size,
    step,
  }
})()

if (globalThis.customElements)
  customElements.define(
    'port-matrix',
    class extends HTMLElement {
      connectedCallback() {
        const F = globalThis.figures.conflict_matrix
        const data = JSON.parse(this.querySelector('script[type="application/json"]').textContent).cells
        const saved = new URLSearchParams(location.hash.slice(1).split('?')[1] ?? '')
        const now = { state: 1, a: 1, ao: 0, b: 0, bo: 0 }
        for (const key of Object.keys(now)) if (saved.has(key)) now[key] = +saved.get(key)
        let asking = false
        const id = this.id || 'matrix'
        const radio = (key, values, names) =>
          values
            .map(
              (v, i) =>
                `<label><input type="radio" name="${id}-${key}" data-key="${key}" value="${i}"><span>${names?.[i] ?? `<code>${v}</code>`}</span></label>`,
            )
            .join('')
        const socket = (key, title) => `<fieldset class="sock"><legend>${title}</legend>
      <div class="choices">${radio(key, F.addresses)}</div>
      <div class="switches"><label><input type="checkbox" data-bit="${key}o" value="1"><span>SO_REUSEADDR</span></label><label><input type="checkbox" data-bit="${key}o" value="2"><span>SO_REUSEPORT</span></label></div></fieldset>`
        this.querySelector('.interactive').innerHTML = `
      <fieldset class="state"><legend>What is the first socket doing?</legend><div class="thumbs">${F.states.map((s, i) => `<label><input type="radio" name="${id}-state" data-key="state" value="${i}"><svg viewBox="-1 -1 ${F.size + 1} ${F.size + 1}" aria-hidden="true">${F.map(data, i, { small: true })}</svg><span>${s[2]}</span></label>`).join('')}</div></fieldset>
      <div class="two">
        <div class="side">${socket('a', 'First socket')}${socket('b', 'Second socket')}
          <output class="verdict" aria-live="polite"></output>
          <p class="tools"><button type="button" class="ask">Ask me</button> <button type="button" class="link-here">Copy a link to this cell</button></p></div>
        <div class="big"><div class="axis x">second socket →</div><div class="heat" tabindex="0" role="application" aria-label="Heat map of this state. Arrow keys move, shown beside."></div><div class="axis y">first socket →</div>
          <ul class="key"><li><i class="v-k"></i>OK</li><li><i class="v-b">×</i>refused at <code>bind</code></li><li><i class="v-l">–</i>one may listen</li></ul></div>
      </div>`
        const heat = this.querySelector('.heat'),
          verdict = this.querySelector('.verdict')
        const names = F.addresses
          .map(
            (name, i) =>
              `<text class="ax" x="-6" y="${F.place(i, 0) + 23}" text-anchor="end">${name}</text><text class="ax" transform="translate(${F.place(i, 0) + 22} -5) rotate(-28)" >${name}</text>`,
          )
          .join('')
        const show = () => {
          for (const input of this.querySelectorAll('[data-key]')) input.checked = +input.value === now[input.dataset.key]
          for (const input of this.querySelectorAll('[data-bit]')) input.checked = !!(now[input.dataset.bit] & +input.value)
          const x = F.place(now.b, now.bo),
            y = F.place(now.a, now.ao)
          heat.innerHTML = `<svg viewBox="-72 -40 ${F.size + 90} ${F.size + 42}" aria-hidden="true">${names}${F.map(data, now.state)}<rect class="hair" x="-1" y="${y - 1}" width="${F.size + 1}" height="11"/><rect class="hair" x="${x - 1}" y="-1" width="11" height="${F.size + 1}"/><rect class="here" x="${x - 1.5}" y="${y - 1.5}" width="12" height="12" rx="2"/></svg>`
          heat.classList.toggle('veil', asking)
          const v = data[F.at(now)],
            { asked } = F.rule(now)
          const sentence = `A ${F.states[now.state][0].toUpperCase()} socket ${['is bound to', 'listens on', 'has left TIME-WAIT on', 'is bound to'][now.state]} <code>${F.addresses[now.a]}</code> (${F.options[now.ao]}); a second one asks for <code>${F.addresses[now.b]}</code> (${F.options[now.bo]}).`
          verdict.className = 'verdict ' + (asking ? 'asking' : 'is-' + v)
          verdict.innerHTML = asking
            ? `<p>${sentence} What does the kernel answer?</p><p class="guess">${Object.entries(F.verdicts)
                .filter(([k]) => k !== 'l' || now.state === 0)
                .map(([k, w]) => `<button type="button" data-guess="${k}">${w.name}</button>`)
                .join(' ')}</p>`
            : `<p class="answer"><b>${F.verdicts[v].name}</b> ${F.verdicts[v].text}</p><p>${sentence}</p><ol class="asked">${asked.map(q => `<li data-q="${q.id}"><span>${q.question}</span> <b>${q.yes ? 'yes' : 'no'}</b> <small>${q.why}</small></li>`).join('')}</ol>`
        }
        // the way through the chapter's diagram, lit while the figure is used
        const dia = [...document.querySelectorAll('.dia')].find(d => d.querySelector('[data-id="overlap"]'))
        const light = () => {
          if (!dia) return
          const v = data[F.at(now)],
            ids = [
              'bind',
              ...F.rule(now)
                .asked.map(q => ({ overlap: 'overlap', port: 'port', user: 'user', reuse: 'reuse', listens: 'state' })[q.id])
                .filter(Boolean),
              { k: 'ok', b: 'refused', l: 'later' }[v],
            ]
          dia.classList.add('dim')
          for (const e of dia.querySelectorAll('[data-id]')) e.classList.toggle('lit', ids.includes(e.dataset.id))
          for (const e of dia.querySelectorAll('[data-from]'))
            e.classList.toggle(
              'lit',
              ids.indexOf(e.dataset.to) === ids.indexOf(e.dataset.from) + 1 && ids.includes(e.dataset.from),
            )
        }
        const pick = event => {
          const box = heat.querySelector('svg').getScreenCTM().inverse(),
            p = new DOMPoint(event.clientX, event.clientY).matrixTransform(box)
          const one = v => {
            const block = Math.floor(v / 45),
              rest = v - block * 45
            return block < 0 || block > 5 || rest >= 40 ? null : [block, Math.floor(rest / 10)]
          }
          const h = one(p.x),
            w = one(p.y)
          if (h && w) {
            ;[now.b, now.bo] = h
            ;[now.a, now.ao] = w
            asking = false
            show()
            light()
          }
        }
        heat.addEventListener('pointerdown', event => {
          heat.setPointerCapture(event.pointerId)
          pick(event)
        })
        heat.addEventListener('pointermove', event => event.buttons && pick(event))
        heat.addEventListener('keydown', event => {
          const move = { ArrowLeft: ['b', -1], ArrowRight: ['b', 1], ArrowUp: ['a', -1], ArrowDown: ['a', 1] }[event.key]
          if (!move) return
          event.preventDefault()
          event.stopPropagation()
          const [k, d] = move,
            linear = Math.min(23, Math.max(0, now[k] * 4 + now[k + 'o'] + d * (event.shiftKey ? 4 : 1)))
          ;((now[k] = linear >> 2), (now[k + 'o'] = linear & 3), (asking = false))
          show()
        })
        this.addEventListener('change', event => {
          const { key, bit } = event.target.dataset
          if (key) now[key] = +event.target.value
          if (bit) now[bit] = (now[bit] & ~+event.target.value) | (event.target.checked ? +event.target.value : 0)
          asking = false
          show()
          light()
        })
        this.addEventListener('click', event => {
          const guess = event.target.dataset?.guess
          if (guess) {
            const v = data[F.at(now)],
              right = guess === v
            asking = false
            show()
            verdict.insertAdjacentHTML(
              'afterbegin',
              `<p class="result ${right ? 'right' : 'wrong'}">${right ? 'Right.' : `Not so: you said “${F.verdicts[guess].name}”.`}</p>`,
            )
          }
          if (event.target.matches('.ask')) {
            for (let tries = 0; tries < 20; ++tries) {
              now.state = (Math.random() * 4) | 0
              now.a = (Math.random() * 6) | 0
              now.b = Math.random() < 0.4 ? now.a : (Math.random() * 6) | 0
              now.ao = (Math.random() * 4) | 0
              now.bo = Math.random() < 0.5 ? now.ao : (Math.random() * 4) | 0
              if (F.rule(now).asked.length > 1 || tries > 2) break
            }
            asking = true
            show()
            verdict.querySelector('button')?.focus({ preventScroll: true })
          }
          if (event.target.matches('.link-here')) {
            const url = location.href.split('#')[0] + '#' + id + '?' + new URLSearchParams(now)
            navigator.clipboard?.writeText(url)
            event.target.textContent = 'Copied'
          }
        })
        this.classList.add('live')
        show()
      }
    },
  )
