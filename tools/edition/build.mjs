// Makes the built edition of the book: a page for each text, one for each file that the texts name, search, and an EPUB.
//   node tools/edition/build.mjs [OUT]      into build/edition; prints what is wrong and writes nothing if anything is
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { faults_of } from './check.mjs'
import { epub } from './epub.mjs'
import { faults_of_data, measured, names } from './figures.mjs'
import { escape, plain } from './html.mjs'
import { here, packages, repository } from './packages.mjs'
import { page } from './page.mjs'
import { highlighted, language_of, open_book, render } from './texts.mjs'

const scripts = { 'port-matrix': 'conflict_matrix' } // an element of a figure, and the file that makes it live

// Lines with numbers. A span that goes over several lines is closed and opened again.
function numbered(html) {
  let open = ''
  return html
    .replace(/\n$/, '')
    .split('\n')
    .map((line, i) => {
      const stack = []
      for (const [tag] of (open + line).matchAll(/<span[^>]*>|<\/span>/g)) tag === '</span>' ? stack.pop() : stack.push(tag)
      const whole = `<span id="L${i + 1}" class="line">${open}${line}${'</span>'.repeat(stack.length)}</span>`
      open = stack.join('')
      return whole
    })
    .join('\n')
}

// What search knows of a page: [address, title, heading, words] for each section.
function sections(text, html) {
  const parts = html.split(/<h[123][^>]*id="([^"]+)"[^>]*>/)
  const found = []
  for (let i = 1; i < parts.length; i += 2) {
    const heading = text.headings.find(({ id }) => id === parts[i])?.title
    if (heading)
      found.push([
        `${text.page}#${parts[i]}`,
        text.title,
        heading,
        plain(parts[i + 1])
          .slice(heading.length)
          .trim(),
      ])
  }
  return found
}

/// The files of the edition of the tree root, name → content, and what is wrong with it.
export function build(root = repository, data = measured) {
  const book = open_book(root)
  const files = new Map()
  const search = []
  for (const text of book.texts) {
    const { html, headings, claims } = render(book, text)
    Object.assign(text, { html, headings, claims })
    search.push(...sections(text, html))
  }
  for (const text of book.texts) {
    const figures = Object.keys(scripts).filter(element => text.html.includes(`<${element}`))
    files.set(text.page, page(book.texts, text, text.html, { figures: figures.map(element => scripts[element]) }))
  }
  for (const [file, address] of book.sources) {
    const title = `<h1><code>${escape(file)}</code></h1>`
    const lines = numbered(highlighted(book.read(file), language_of(file)))
    const body = `${title}<pre class="source" tabindex="0"><code>${lines}</code></pre>`
    files.set(address, page(book.texts, { title: file }, body, { up: '../' }))
  }
  const page_of = link => {
    const [file, hash] = link.split('#')
    return book.texts.find(text => text.file === file)?.page + (hash ? `#${hash}` : '')
  }
  const terms = [...book.glossary].map(([term, { words, link }]) => [term, [words, page_of(link)]])
  files.set('assets/search.js', `globalThis.book_search = ${JSON.stringify(search)}\n`)
  files.set('assets/glossary.js', `globalThis.book_glossary = ${JSON.stringify(Object.fromEntries(terms))}\n`)
  const own = file => fs.readFileSync(path.join(here, file))
  for (const file of ['book.css', 'book.js']) files.set(`assets/${file}`, own(file))
  for (const name of Object.values(scripts)) files.set(`assets/${name}.js`, own(`figures/${name}.js`))
  const theirs = file => fs.readFileSync(path.join(packages, file))
  files.set('assets/minisearch.js', theirs('minisearch/dist/umd/index.js'))
  for (const [name, file] of [
    ['serif', 'source-serif-4/files/source-serif-4-latin-wght-normal'],
    ['serif-italic', 'source-serif-4/files/source-serif-4-latin-wght-italic'],
    ['sans', 'source-sans-3/files/source-sans-3-latin-wght-normal'],
    ['mono', 'jetbrains-mono/files/jetbrains-mono-latin-wght-normal'],
  ])
    files.set(`assets/${name}.woff2`, theirs(`@fontsource-variable/${file}.woff2`))
  files.set('portlab.epub', epub(book, own('epub.css')))

  const faults = [...book.faults, ...faults_of(files)]
  for (const name of names) {
    faults.push(...faults_of_data(name, data(name)))
    if (!book.drawn.has(name)) faults.push(`measured/${name}.json is shown by no text`)
  }
  return { book, files, faults }
}

/// The files into the folder out, and what was there before away.
export function write(files, out) {
  fs.rmSync(out, { recursive: true, force: true })
  for (const [file, content] of files) {
    fs.mkdirSync(path.dirname(path.join(out, file)), { recursive: true })
    fs.writeFileSync(path.join(out, file), content)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { book, files, faults } = build()
  for (const fault of faults) console.error(fault)
  if (faults.length) process.exit(1)
  write(files, process.argv[2] ?? path.join(repository, 'build/edition'))
  const claims = book.texts.flatMap(text => text.claims).length
  console.error(
    `${book.texts.length} texts, ${book.sources.size} source files, ${claims} sentences with what stands behind them`,
  )
}
