// What the built edition promises: edition_test.mjs CASE runs one case, a function below. Status 77 and the reason if it cannot.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import zlib from 'node:zlib'
import { build, write } from '../../tools/edition/build.mjs'
import { measured } from '../../tools/edition/figures.mjs'
import { load, repository } from '../../tools/edition/packages.mjs'

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'edition-'))
process.on('exit', () => fs.rmSync(work, { recursive: true, force: true }))
const skip = reason => {
  console.log(reason)
  process.exit(77)
}

// A copy of the tree, of which book.md and the chapters can be edited: `edit` takes the path and the text, and returns the new one.
function edited_tree(file, edit) {
  const tree = fs.mkdtempSync(path.join(work, 'tree-'))
  for (const name of fs.readdirSync(repository))
    if (!['chapters', 'book.md', 'build'].includes(name)) fs.symlinkSync(path.join(repository, name), path.join(tree, name))
  for (const name of ['chapters', 'book.md']) fs.cpSync(path.join(repository, name), path.join(tree, name), { recursive: true })
  const before = fs.readFileSync(path.join(tree, file), 'utf8')
  const after = edit(before)
  assert.notEqual(after, before, `the edit of ${file} changes nothing`)
  fs.writeFileSync(path.join(tree, file), after)
  return tree
}

function edition() {
  const { files, faults, book } = build()
  assert.deepEqual(faults, [])
  return { files, book }
}

// ---- A browser ------------------------------------------------------------------------------------------------------

const widths = [320, 390, 768, 1280, 1920]

// Calls test({ open, pages }): open(page, options) gives a page of the edition, from the disk. What goes wrong in any of them fails.
async function in_browser(test) {
  const found = ['chromium', 'chromium-browser', 'google-chrome'].map(name => spawnSync('sh', ['-c', `command -v ${name}`]))
  const executablePath = found.map(({ stdout }) => stdout.toString().trim()).find(Boolean)
  if (!executablePath) skip('needs chromium')
  const { files } = edition()
  write(files, path.join(work, 'edition'))
  const { chromium } = load('playwright-core')
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], timeout: 120_000 })
  const faults = []
  try {
    const open = async (name, { width = 1280, colorScheme = 'light', ...options } = {}) => {
      const context = await browser.newContext({
        viewport: { width, height: 900 },
        colorScheme,
        reducedMotion: 'reduce',
        ...options,
      })
      context.setDefaultTimeout(60_000)
      const page = await context.newPage()
      page.on('request', request => /^(file|data):/.test(request.url()) || faults.push(`${name} asks ${request.url()}`))
      page.on('requestfailed', request => faults.push(`${name}: no ${request.url()}`))
      page.on('console', message => message.type() === 'error' && faults.push(`${name}: ${message.text()}`))
      page.on('pageerror', error => faults.push(`${name}: ${error.message}`))
      await page.goto(pathToFileURL(path.join(work, 'edition', name)).href)
      return page
    }
    const pages = [...files.keys()].filter(name => name.endsWith('.html'))
    await test({ open, pages, texts: pages.filter(name => !name.includes('/')), faults })
  } finally {
    await browser.close()
  }
  assert.equal(faults.slice(0, 20).join('\n'), '')
}

// ---- The cases ------------------------------------------------------------------------------------------------------

const cases = {
  two_builds_are_the_same_and_cheap() {
    const most = 3 // seconds of processor time
    const spent = []
    const bytes = ['one', 'two'].map(name => {
      const out = path.join(work, name)
      const builder = path.join(repository, 'tools/edition/build.mjs')
      const timed = spawnSync('bash', ['-c', 'TIMEFORMAT="%U %S"; time node "$0" "$1" 2>/dev/null', builder, out])
      assert.equal(timed.status, 0)
      const [user, system] = timed.stderr.toString().trim().split(' ').map(Number)
      spent.push(user + system)
      const files = fs.readdirSync(out, { recursive: true }).sort()
      return files
        .filter(file => fs.statSync(path.join(out, file)).isFile())
        .map(file => [file, fs.readFileSync(path.join(out, file), 'base64')])
    })
    assert.ok(bytes[0].length > 20)
    assert.ok(
      bytes[0].every(([file, content], i) => bytes[1][i][0] === file && bytes[1][i][1] === content),
      'two builds differ',
    )
    console.log(`seconds of processor time: ${spent}`)
    assert.ok(Math.min(...spent) <= most, `a build takes ${Math.min(...spent)} s of processor time`)
  },

  every_sentence_shows_what_stands_behind_it() {
    const { files, book } = edition()
    for (const { file, page, source } of book.texts) {
      const written = source.replace(/^```[\s\S]*?^```$/gm, '').match(/<!-- test: /g)?.length ?? 0
      const html = files.get(page)
      assert.equal(html.match(/class="mark test"/g)?.length ?? 0, written, `${file}: claims that show their test`)
      assert.equal(html.match(/<li id="t\d+" data-kind="test">/g)?.length ?? 0, written, `${file}: tests listed`)
      assert.ok(!html.includes('&lt;!--'), `${file}: a comment is shown`)
    }
  },

  what_is_wrong_is_refused() {
    const chapter = 'chapters/05_port_conflict/README.md'
    const refused = (faults, pattern) =>
      assert.ok(
        faults.some(fault => pattern.test(fault)),
        `${pattern} is not in: ${faults}`,
      )
    const faults_with = edit => build(edited_tree(chapter, edit)).faults
    refused(
      faults_with(text => text + '\n[here](../nowhere/README.md)\n'),
      /leads nowhere: \.\.\/nowhere/,
    )
    refused(
      faults_with(text => text + '\n<a href="nowhere.html">here</a>\n'),
      /leads nowhere: nowhere\.html/,
    )
    refused(
      faults_with(text => text + '\n[here](#nowhere)\n'),
      /no such heading: #nowhere/,
    )
    refused(
      faults_with(text => text + '\n[here](../02_bind/README.md#nowhere)\n'),
      /no such heading: 02_bind\.html#nowhere/,
    )
    refused(
      faults_with(text => text + '\n<a id="elsewhere"></a>\n'),
      /the id elsewhere twice/,
    )
    refused(
      faults_with(text => text + '\n```mermaid\npie title Pets\n```\n'),
      /cannot be drawn: no such diagram: pie/,
    )
    refused(
      faults_with(text => text.replace('flowchart TD\n', 'flowchart TD\n    a ==> b\n')),
      /cannot be drawn: not understood: a ==> b/,
    )
    refused(
      faults_with(text => text.replace('### Exercise 5.1', '### Exercise 5.9')),
      /no exercise 5\.9/,
    )
    refused(
      faults_with(text => text.replace('<!-- figure: conflict_matrix', '<!-- figure: other')),
      /conflict_matrix.json is shown by no text/,
    )

    const data = measured('conflict_matrix')
    const with_cells = cells => build(repository, () => ({ ...data, cells })).faults
    refused(with_cells('k' + data.cells.slice(1)), /differ in 1 cells/)
    refused(with_cells(data.cells.replaceAll('l', 'b')), /differ in \d+ cells/)
    refused(with_cells(data.cells.slice(0, -1)), /differ in 1 cells/)
    assert.deepEqual(with_cells(data.cells), [])
  },

  a_copy_for_students_becomes_a_book() {
    if (!fs.existsSync(path.join(repository, 'tools/grading'))) skip('needs the kit, which a copy for students does not have')
    const archive = path.join(work, 'copy.tar.gz')
    const made = spawnSync(path.join(repository, 'portlab'), ['handout', '--output', archive, '02_bind'])
    if (made.status !== 0) skip(made.stderr.toString())
    assert.equal(spawnSync('tar', ['xf', archive, '-C', work]).status, 0)
    const name = fs.readdirSync(work).find(name => fs.existsSync(path.join(work, name, 'book.md')))
    const { files, faults } = build(path.join(work, name))
    assert.deepEqual(faults, [])
    assert.match(files.get('02_bind.html'), /portlab check 2\.1/)
    assert.match(files.get('01_socket.html'), /not in this copy/)
  },

  the_epub_is_well_formed() {
    return in_browser(async ({ open }) => {
      const zip = fs.readFileSync(path.join(work, 'edition/portlab.epub'))
      const entries = new Map()
      for (let at = 0; zip.readUInt32LE(at) === 0x04034b50;) {
        const [method, size, name_size] = [zip.readUInt16LE(at + 8), zip.readUInt32LE(at + 18), zip.readUInt16LE(at + 26)]
        const name = zip.toString('utf8', at + 30, at + 30 + name_size)
        const body = zip.subarray(at + 30 + name_size, at + 30 + name_size + size)
        entries.set(name, (method ? zlib.inflateRawSync(body) : body).toString())
        at += 30 + name_size + size
      }
      assert.equal([...entries.keys()][0], 'mimetype')
      const ids = new Map()
      const page = await open('index.html')
      for (const [name, text] of entries) {
        if (!/\.(xhtml|opf|xml)$/.test(name)) continue
        const fault = await page.evaluate(text => {
          const parsed = new DOMParser().parseFromString(text, 'application/xml')
          return parsed.querySelector('parsererror')?.textContent ?? ''
        }, text)
        assert.equal(fault, '', name)
        ids.set(name, new Set([...text.matchAll(/\sid="([^"]+)"/g)].map(match => match[1])))
      }
      for (const [name, text] of entries) {
        if (!name.endsWith('.xhtml')) continue
        for (const [, href] of text.matchAll(/\shref="([^"]+)"/g)) {
          if (/^https?:/.test(href)) continue
          const [file, hash] = href.split('#')
          const there = file ? `EPUB/${file}` : name
          assert.ok(entries.has(there), `${name}: ${href}`)
          assert.ok(!hash || ids.get(there).has(hash), `${name}: ${href}`)
        }
      }
    })
  },

  a_page_from_a_disk_asks_nobody() {
    return in_browser(async ({ open, pages }) => {
      for (const name of pages) {
        const page = await open(name)
        await page.context().close()
      }
    })
  },

  search_finds_from_the_keyboard() {
    return in_browser(async ({ open }) => {
      const page = await open('03_listen_accept.html')
      const first_for = async question => {
        await page.keyboard.press('/')
        await page.locator('dialog input').fill(question)
        await page.locator('#hits a').first().waitFor()
        return page.locator('#hits a').allInnerTexts()
      }
      const hits = await first_for('why is my port in use although nothing listens?')
      assert.ok(
        hits.slice(0, 5).some(hit => /TIME-WAIT|in use|has the port/i.test(hit)),
        hits.join('\n'),
      )
      assert.match((await first_for('backlog queue'))[0], /queue|backlog|wait/i)
      assert.ok((await first_for('whose daemon occupied my socket yesterday evening')).length > 2) // no section has all of that
      await page.keyboard.press('ArrowDown')
      const chosen = page.locator('#hits a[aria-selected=true]')
      assert.deepEqual(await chosen.allInnerTexts(), [(await page.locator('#hits a').allInnerTexts())[1]])
      const address = await chosen.evaluate(link => link.href)
      await page.keyboard.press('Enter')
      await page.waitForURL(address)
    })
  },

  marks_open_what_stands_behind() {
    return in_browser(async ({ open }) => {
      const page = await open('05_port_conflict.html')
      const mark = page.locator('a.mark.test').first()
      await mark.focus()
      await page.keyboard.press('Enter')
      const words = await page.locator('.pop').innerText()
      const selection = words.match(/ctest --preset default -R '(.*)'/)[1]
      const name = await page.locator('#t1 code').innerText()
      assert.match(name, new RegExp(selection))
      await page.keyboard.press('Escape')
      assert.equal(await page.locator('.pop').count(), 0)
      await page.locator('a.gloss').first().click()
      assert.match(await page.locator('.pop').innerText(), /Where it is explained/)
    })
  },

  the_conflict_matrix_is_played_by_keys() {
    return in_browser(async ({ open }) => {
      const page = await open('05_port_conflict.html')
      const verdict = page.locator('port-matrix .verdict')
      assert.match(await verdict.innerText(), /EADDRINUSE/)
      await page.locator('port-matrix .heat').focus()
      for (let i = 0; i < 2; ++i) await page.keyboard.press('Shift+ArrowRight') // from 0.0.0.0 to 127.0.0.2
      assert.match(await verdict.innerText(), /^OK/)
      assert.match(await verdict.innerText(), /127\.0\.0\.2/)
      await page.locator('port-matrix [data-key=state][value="1"]').focus()
      await page.keyboard.press('ArrowLeft')
      assert.match(await verdict.innerText(), /is bound to/)

      const still = await open('05_port_conflict.html', { javaScriptEnabled: false })
      assert.equal(await still.locator('port-matrix svg').count(), 4)
      assert.match(await still.locator('port-matrix svg').nth(1).getAttribute('aria-label'), /of 576 combinations succeed/)
    })
  },

  pages_are_accessible() {
    return in_browser(async ({ open, texts, pages, faults }) => {
      const axe = fs.readFileSync(load.resolve('axe-core/axe.min.js'), 'utf8')
      const source = pages.find(name => name.startsWith('source/'))
      for (const name of [...texts, source])
        for (const [width, colorScheme] of [
          [1280, 'light'],
          [1280, 'dark'],
          [390, 'light'],
          [390, 'dark'],
        ]) {
          const page = await open(name, { width, colorScheme })
          await page.evaluate(() => document.querySelectorAll('details').forEach(hint => (hint.open = true)))
          await page.evaluate(axe)
          const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
          const { violations } = await page.evaluate(
            runOnly => axe.run(document, { runOnly, resultTypes: ['violations'], preload: false }),
            rules,
          )
          for (const { id, nodes } of violations)
            faults.push(`${name} ${width} ${colorScheme}: ${id}, ${nodes.length} times: ${nodes[0].html.slice(0, 150)}`)
          await page.context().close()
        }
    })
  },

  no_page_scrolls_sideways() {
    return in_browser(async ({ open, pages, faults }) => {
      for (const name of pages) {
        const page = await open(name)
        for (const width of widths) {
          await page.setViewportSize({ width, height: 900 })
          const needed = await page.evaluate(() => document.documentElement.scrollWidth)
          if (needed > width) faults.push(`${name} is ${needed} px wide at ${width}`)
        }
        await page.context().close()
      }
    })
  },

  figures_show_what_this_kernel_says(programs) {
    const measure = path.join(repository, 'tools/edition/measure.mjs')
    const { status, stdout, stderr } = spawnSync(process.execPath, [measure, programs])
    if (status === 77) skip(stdout.toString())
    assert.equal(status, 0, `${stdout}${stderr}`)
  },
}

const [name, ...rest] = process.argv.slice(2)
await cases[name](...rest)
