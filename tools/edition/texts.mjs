// The texts of the book: what there is, and how one of them becomes HTML. They are the Markdown files that a code host shows; what a
// reader does not see there, the comments, says what stands behind a sentence, a listing, a table.
import fs from 'node:fs'
import path from 'node:path'
import { draw as diagram } from './diagrams.mjs'
import { figures } from './figures.mjs'
import { escape, literal } from './html.mjs'
import { load } from './packages.mjs'

const MarkdownIt = load('markdown-it')
const hljs = load('highlight.js/lib/core')
for (const language of ['bash', 'cpp', 'diff', 'ini', 'json', 'python'])
  hljs.registerLanguage(language, load(`highlight.js/lib/languages/${language}`))

const languages = { cpp: 'cpp', hpp: 'cpp', sh: 'bash', diff: 'diff', service: 'ini', json: 'json', py: 'python' }
export const language_of = file => languages[file.split('.').at(-1)] ?? ''
export const highlighted = (code, language) =>
  hljs.getLanguage(language) ? hljs.highlight(code, { language }).value : escape(code)

/// The book in the folder root: its texts in their order, its glossary, its exercises. What is wrong with it goes into faults.
export function open_book(root) {
  const read = file => fs.readFileSync(path.join(root, file), 'utf8')
  const chapters = fs
    .readdirSync(path.join(root, 'chapters'))
    .filter(name => fs.existsSync(path.join(root, 'chapters', name, 'README.md')))
    .sort()
  const texts = [
    { file: 'book.md', page: 'index.html', prefix: 'b-' },
    ...chapters.map(name => ({
      file: `chapters/${name}/README.md`,
      page: `${name}.html`,
      prefix: `${name.split('_')[0]}-`,
      chapter: name,
    })),
  ]
  for (const text of texts) {
    text.source = read(text.file)
    text.title = text.chapter ? (text.source.match(/^# (.*)/m)?.[1] ?? text.chapter) : 'Preface, tables, glossary'
  }
  const glossary = new Map()
  const entries = text_between(texts[0].source, '\n## Glossary\n', '\n## ')
  for (const [, term, words, link] of entries.matchAll(/^- \*\*(.+?)\*\*: ([\s\S]+?)\s\[\w+\]\((\S+)\)/gm))
    glossary.set(term, { words: words.replace(/\s+/g, ' '), link })

  const exercises = new Map()
  const numbers = new Map()
  for (const exercise of JSON.parse(read('exercises/exercises.json'))) {
    const chapter = exercise.path.split('_')[0].replace(/^0/, '')
    numbers.set(chapter, (numbers.get(chapter) ?? 0) + 1)
    exercises.set(`${chapter}.${numbers.get(chapter)}`, exercise)
  }
  const sources = new Map() // files that texts link to, and where their pages are
  const book = { root, read, texts, glossary, exercises, sources, faults: [], drawn: new Set() }
  for (const name of chapters)
    for (const file of fs.readdirSync(path.join(root, 'chapters', name)))
      if (file !== 'README.md') source_page(book, `chapters/${name}/${file}`)
  return book
}

const text_between = (text, from, to) => text.split(from)[1]?.split(to)[0] ?? ''

function source_page(book, file) {
  if (!book.sources.has(file)) book.sources.set(file, `source/${file.replaceAll('/', '.')}.html`)
  return book.sources.get(file)
}

// As code hosts name headings.
function slug(title, seen) {
  const id = title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')
  const before = seen.get(id) ?? 0
  seen.set(id, before + 1)
  return before ? `${id}-${before}` : id
}

// `varies: pid=4711 size=264; needs: namespace curl`
function samples(comment) {
  const varies = comment.split(';').find(part => part.trim().startsWith('varies: '))
  return (varies?.trim().split(' ').slice(1) ?? []).map(pair => pair.slice(pair.indexOf('=') + 1)).filter(Boolean)
}

/// A transcript: each terminal's name, what is typed, keys as keys, and what a run may change.
export function terminal(source, comment = '') {
  const varying = samples(comment).map(sample => literal(escape(sample)))
  const pattern = varying.length && new RegExp(`(?<!\\w)(?:${varying.join('|')})(?!\\w)`, 'g')
  const marked = text => {
    const html = escape(text)
    return pattern ? html.replace(pattern, sample => `<var title="differs from run to run">${sample}</var>`) : html
  }
  const line_of = line => {
    if (line.startsWith('$ ')) return `<span class="cmd">${marked(line.slice(2))}</span>`
    if (line === '^C' || line === '^D') return `<span class="keys"><kbd>Ctrl</kbd>+<kbd>${line[1]}</kbd></span>`
    if (line.endsWith('⏎')) return `<span class="keys">${marked(line.slice(0, -1))}<kbd>Enter ⏎</kbd></span>`
    if (line === '...') return '<span class="cut" title="lines left out">...</span>'
    return `<span class="out">${marked(line)}</span>`
  }
  const parts = []
  for (const line of source.replace(/\n$/, '').split('\n')) {
    if (line.startsWith('# ')) parts.push({ title: line.slice(2), lines: [] })
    else {
      if (!parts.length) parts.push({ title: '', lines: [] })
      parts.at(-1).lines.push(line_of(line))
    }
  }
  const names = [...new Set(parts.map(part => part.title.split(':')[0]))]
  const body = parts.map(({ title, lines }) => {
    const colour = `t${names.indexOf(title.split(':')[0]) % 6}`
    const name = title ? `<p class="tty ${colour}">${escape(title)}</p>` : ''
    return `${name}<pre tabindex="0" class="${colour}">${lines.join('\n')}</pre>`
  })
  return `<div class="console${names.length > 1 ? ' many' : ''}">${body.join('')}</div>\n`
}

const marks = {
  test: { sign: '✓', name: 'Proof' },
  source: { sign: '§', name: 'Source' },
  untested: { sign: '○', name: 'Not tested' },
}

// file: a link to what is to be written, or nothing if it is not part of this copy of the book.
function facts_of(number, exercise, file) {
  const minutes = exercise.minutes < 120 ? `${exercise.minutes} minutes` : `${exercise.minutes / 60} hours`
  const facts = [
    ['level', exercise.level],
    ['time', minutes],
    ...(exercise.points ? [['points', exercise.points]] : []),
    ['to do', exercise.kind],
    ['file', file || 'not in this copy'],
  ].map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`)
  const commands = ['watch', 'check', 'hint', 'solution'].map(name => `<li><code>./portlab ${name} ${number}</code></li>`)
  return `<div class="facts"><dl>${facts.join('')}</dl>${file ? `<ul aria-label="Commands">${commands.join('')}</ul>` : ''}</div>\n`
}

/// One text as HTML, with its headings and its marks: for the web, or as a part of the EPUB.
export function render(book, text, target = 'web') {
  const web = target === 'web'
  const fault = words => web && book.faults.push(`${text.file}: ${words}`)
  const page_of = new Map(book.texts.map(t => [t.file, t.page]))
  const term_named = new Map([...book.glossary.keys()].map(term => [term.toLowerCase(), term]))
  const terms = [...book.glossary.keys()].sort((a, b) => b.length - a.length).map(literal)
  const term_pattern = new RegExp(`(?<![\\w-])(${terms.join('|') || '(?!)'})(s?)(?![\\w-])`, 'gi')
  const md = new MarkdownIt({ html: true, xhtmlOut: !web })
  const seen = new Map()
  const headings = []
  const claims = []
  const used_terms = new Set()
  let pending = {}
  let diagrams = 0

  function link(href) {
    if (/^[a-z]+:/.test(href)) return { href, outside: true }
    const [file, hash = ''] = href.split('#')
    const fragment = hash ? `#${hash}` : ''
    if (!file) return { href: fragment }
    const there = path.normalize(path.join(path.dirname(text.file), file)).replace(/\/$/, '')
    if (page_of.has(there))
      return { href: (web ? page_of.get(there) : page_of.get(there).replace(/html$/, 'xhtml')) + fragment }
    if (!fs.existsSync(path.join(book.root, there))) {
      fault(`leads nowhere: ${href}`)
      return { href: '#' }
    }
    if (fs.statSync(path.join(book.root, there)).isDirectory()) return { folder: true }
    return { href: source_page(book, there), source: true }
  }
  const link_to = file => {
    const { href } = link(path.relative(path.dirname(text.file), file))
    return web ? (line = 0) => `<a href="${href}${line ? `#L${line}` : ''}">${file}</a>` : () => file
  }
  function mark_of(kind, words) {
    const { sign, name } = marks[kind]
    const n = claims.push({ kind, words: words.replace(/\s+/g, ' ') })
    return `<a class="mark ${kind}" id="p${n}" href="#t${n}" aria-label="${name} ${n}">${sign}</a>`
  }
  const token_of = (state, content) => Object.assign(new state.Token('html_inline', '', 0), { content })

  // A term of the glossary, where the chapter first has it.
  function with_terms(content, in_strong) {
    return escape(content).replace(term_pattern, (whole, word) => {
      const term = term_named.get(word.toLowerCase())
      if (!term || used_terms.has(term)) return whole
      if (in_strong && content.trim().toLowerCase() !== whole.toLowerCase()) return whole
      used_terms.add(term)
      if (in_strong) return `<dfn>${whole}</dfn>`
      return `<a class="gloss" href="index.html#glossary" data-term="${escape(term)}">${whole}</a>`
    })
  }

  function prose(state, token, in_heading) {
    const children = []
    let in_link = 0
    let in_strong = 0
    for (const child of token.children) {
      const mark = child.type === 'html_inline' && child.content.match(/^<!-- (\w+)(?:: ([\s\S]*))? -->$/)
      if (mark && marks[mark[1]]) {
        const before = children.at(-1)
        if (before?.type === 'text') before.content = before.content.replace(/\s+$/, '')
        if (before?.type === 'softbreak') children.pop()
        children.push(token_of(state, mark_of(mark[1], mark[2] ?? '')))
        continue
      }
      if (child.type === 'html_inline' && child.content.startsWith('<!--')) continue
      if (child.type === 'link_open') {
        ++in_link
        const to = link(child.attrGet('href'))
        if (to.folder || (to.source && !web))
          child.attrs = [] // a folder has no page, and the EPUB has no sources
        else child.attrSet('href', to.href)
        if (to.outside) child.attrSet('class', 'outside')
      }
      if (child.type === 'link_close') --in_link
      if (child.type === 'strong_open') ++in_strong
      if (child.type === 'strong_close') --in_strong
      if (child.type === 'text' && !in_link && !in_heading && web && text.chapter) {
        const html = with_terms(child.content, in_strong)
        children.push(html === escape(child.content) ? child : token_of(state, html))
      } else children.push(child)
    }
    token.children = children
  }

  md.core.ruler.push('book', state => {
    let exercise = null // whose line of facts comes next
    for (let i = 0; i < state.tokens.length; ++i) {
      const token = state.tokens[i]
      if (token.type === 'heading_open') {
        const parts = state.tokens[i + 1].children.filter(child => child.type === 'text' || child.type === 'code_inline')
        const title = parts.map(child => child.content).join('')
        const id = slug(title, seen)
        token.attrSet('id', id)
        headings.push({ level: +token.tag[1], id, title })
        exercise = title.match(/^Exercise (\w+\.\d+): /)?.[1] ?? null
        if (exercise && !book.exercises.has(exercise)) fault(`no exercise ${exercise} in exercises/exercises.json`)
      }
      if (token.type !== 'inline') continue
      const in_heading = ['heading_open', 'th_open'].includes(state.tokens[i - 1].type)
      const first = token.children[0]
      if (exercise && !in_heading && first?.type === 'code_inline' && first.content.startsWith('exercises/')) {
        const there = fs.existsSync(path.join(book.root, first.content)) // a student's copy has those of one assignment
        const html = facts_of(exercise, book.exercises.get(exercise) ?? {}, there && link_to(first.content)())
        const block = Object.assign(new state.Token('facts', '', 0), { content: html })
        state.tokens.splice(i - 1, 3, block)
        exercise = null
      } else prose(state, token, in_heading)
    }
  })

  md.renderer.rules.facts = (tokens, i) => tokens[i].content
  md.renderer.rules.html_block = (tokens, i) => {
    const html = tokens[i].content.trim()
    if (!html.startsWith('<!--')) {
      const parts = {
        '<details>': '<div class="hint">',
        '</details>': '</div>',
        '<summary>': '<p><b>',
        '</summary>': '</b></p>',
      }
      return (web ? html : html.replace(/<\/?(?:details|summary)>/g, tag => parts[tag])) + '\n'
    }
    const comment = html.match(/^<!-- (\w+): ([\s\S]*?) -->$/)
    if (!comment) return ''
    const [, kind, words] = comment
    if (marks[kind]) return `<p class="marks">${mark_of(kind, words)}</p>\n`
    if (kind === 'figure') {
      const name = words.split(':')[0]
      if (!figures[name]) return '' // described, and not drawn yet
      book.drawn.add(name)
      return figures[name](web)
    }
    pending[kind] = kind === 'varies' ? html.slice(5, -4) : words
    return ''
  }
  md.renderer.rules.fence = (tokens, i) => {
    const { info, content } = tokens[i]
    const language = info.trim()
    const { listing, difference, varies } = pending
    pending = {}
    if (language === 'mermaid') {
      try {
        return `<figure class="diagram"><div tabindex="0">${diagram(content, text.prefix + ++diagrams)}</div></figure>\n`
      } catch (error) {
        fault(`a diagram that cannot be drawn: ${error.message}`)
        return ''
      }
    }
    if (language === 'console') return terminal(content, varies)
    let caption = ''
    if (listing) {
      const first = content.split('\n')[0].trim()
      caption = link_to(listing)(
        book
          .read(listing)
          .split('\n')
          .findIndex(line => line.trim() === first) + 1,
      )
    } else if (difference) {
      const [from, to] = difference.split(' ')
      caption = to ? `${link_to(to)()}, as it differs from ${link_to(from)()}` : `a change of ${link_to(from)()}`
    }
    const code = highlighted(content, language).replace(/\n$/, '')
    return `<figure class="listing">${caption && `<figcaption>${caption}</figcaption>`}<pre tabindex="0"><code class="${language}">${code}</code></pre></figure>\n`
  }
  md.renderer.rules.code_block = (tokens, i) =>
    `<pre class="plain" tabindex="0"><code>${escape(tokens[i].content.replace(/\n$/, ''))}</code></pre>\n`
  md.renderer.rules.table_open = () => {
    const command = pending.generated?.split(' | ')[0]
    pending = {}
    const verb = command?.startsWith('./portlab') ? 'Measured on the running kernel by' : 'Made by'
    const caption = command ? `<figcaption>${verb} <code>${escape(command)}</code></figcaption>` : ''
    return `<figure class="table">${caption}<div class="scroll" tabindex="0"><table>`
  }
  md.renderer.rules.table_close = () => '</table></div></figure>\n'
  md.renderer.rules.heading_close = (tokens, i) => {
    const { tag } = tokens[i]
    const anchor = ` <a class="anchor" href="#${tokens[i - 2].attrGet('id')}" aria-label="Link to this section">#</a>`
    return `${web && tag !== 'h1' ? anchor : ''}</${tag}>\n`
  }

  let html = md.render(text.source)
  const written = text.source.replace(/^```[\s\S]*?^```$/gm, '').match(/<!-- (?:test|source|untested): /g)?.length ?? 0
  if (written !== claims.length) fault(`${written} sentences have a mark, and ${claims.length} of them show it`)
  if (claims.length) html += list_of(claims)
  return { html, headings, claims }
}

function list_of(claims) {
  const items = claims.map(({ kind, words }, i) => {
    const n = i + 1
    const back = `<a href="#p${n}" aria-label="Back to sentence ${n}">↩</a>`
    const said = {
      test: `<code>${escape(words)}</code>`,
      source: `${escape(words)}`,
      untested: `Not tested: ${escape(words)}`,
    }[kind]
    return `<li id="t${n}" data-kind="${kind}"><span>${said}</span> ${back}</li>`
  })
  return (
    '<section class="proofs" aria-labelledby="what-stands-behind-it"><h2 id="what-stands-behind-it">What stands behind it</h2>' +
    '<p>✓ is a test that fails if the sentence is false, § says where it is written, ○ why no test of this book can show it. ' +
    "<code>ctest --preset default -R '^NAME$'</code> runs a test.</p>" +
    `<ol>${items.join('')}</ol></section>`
  )
}
