// What every page does: theme, menu, search, keyboard, what a mark and a term mean. Nothing is asked of a server.
;(() => {
  const $ = (selector, from = document) => from.querySelector(selector),
    all = (selector, from = document) => [...from.querySelectorAll(selector)]
  const assets = document.currentScript.src.replace(/book\.js.*$/, '')
  const root = assets.replace(/assets\/$/, '')
  const load = file =>
    (load[file] ??= new Promise((done, fail) =>
      document.head.append(
        Object.assign(document.createElement('script'), { src: assets + file, onload: done, onerror: fail }),
      ),
    ))

  $('.theme')?.addEventListener('click', () => {
    const dark =
      (document.documentElement.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) ===
      'dark'
    document.documentElement.dataset.theme = dark ? 'light' : 'dark'
    try {
      localStorage.setItem('theme', dark ? 'light' : 'dark')
    } catch {}
  })
  const menu = $('.menu'),
    nav = $('#toc')
  menu?.addEventListener('click', () => menu.setAttribute('aria-expanded', nav.classList.toggle('open')))
  nav?.addEventListener('click', event => event.target.closest('a') && nav.classList.remove('open'))

  // where the reader is
  const links = new Map(all('#toc ul a').map(a => [a.getAttribute('href').slice(1), a]))
  const seen = new IntersectionObserver(
    entries => {
      for (const e of entries)
        if (e.isIntersecting && links.has(e.target.id)) {
          links.forEach(a => a.classList.remove('seen'))
          links.get(e.target.id).classList.add('seen')
        }
    },
    { rootMargin: '-10% 0px -75% 0px' },
  )
  all('main :is(h2, h3)[id]').forEach(h => seen.observe(h))

  // a pop-over for a mark and for a term
  let pop = null,
    owner = null
  const close = () => {
    pop?.remove()
    owner?.removeAttribute('aria-expanded')
    pop = owner = null
  }
  function open(by, html) {
    if (owner === by) return close()
    close()
    owner = by
    by.setAttribute('aria-expanded', 'true')
    pop = Object.assign(document.createElement('div'), { className: 'pop', innerHTML: html, role: 'note', tabIndex: -1 })
    by.after(pop)
    const at = by.getBoundingClientRect(),
      box = pop.offsetParent?.getBoundingClientRect() ?? document.body.getBoundingClientRect()
    pop.style.left =
      Math.max(16, Math.min(at.left, innerWidth - pop.offsetWidth - 16)) -
      (pop.offsetParent === document.body || !pop.offsetParent ? -scrollX : box.left) +
      'px'
    pop.style.top =
      at.bottom + 6 + scrollY - (pop.offsetParent === document.body || !pop.offsetParent ? 0 : box.top + scrollY) + 'px'
  }
  const escaped = text => text.replace(/[&<>]/g, c => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c])
  // The regular expression with which ctest finds a test; for what a shell or ctest reads otherwise, any character stands.
  const selection = name => `ctest --preset default -R '^${name.replace(/[^\p{L}\p{N} ,:;_/=-]/gu, '.')}$'`
  const what_stands_behind = {
    test: words =>
      `<p><b>A test fails if this sentence is false:</b></p><p>${escaped(words)}</p><p class="quiet"><code>${escaped(selection(words))}</code></p>`,
    source: words => `<p><b>It is written in</b></p><p>${escaped(words)}</p>`,
    untested: words => `<p><b>No test of this book shows it:</b></p><p>${escaped(words.replace('Not tested: ', ''))}</p>`,
  }
  document.addEventListener('click', async event => {
    const mark = event.target.closest('a.mark'),
      term = event.target.closest('a.gloss')
    if (mark) {
      event.preventDefault()
      const item = $(mark.getAttribute('href'))
      open(mark, what_stands_behind[item.dataset.kind]($('span', item).textContent))
    } else if (term) {
      event.preventDefault()
      await load('glossary.js')
      const [text, link] = globalThis.book_glossary[term.dataset.term]
      open(
        term,
        `<p><b>${term.dataset.term}</b>: ${escaped(text.replace(/`/g, ''))}</p><p class="quiet"><a href="${root + link}">Where it is explained</a></p>`,
      )
    } else if (pop && !event.target.closest('.pop')) close()
  })

  // search
  let dialog, index
  const common = new Set(
    'a although an and any are as at be but by can do does for from has have how i in is it its my no not nothing of on or that the there this to was what when which who why with you your'.split(
      ' ',
    ),
  )
  async function search() {
    close()
    if (!dialog) {
      dialog = document.createElement('dialog')
      dialog.className = 'search'
      dialog.innerHTML =
        '<input type="search" placeholder="Search the book" aria-label="Search the book" aria-controls="hits" autocomplete="off" spellcheck="false"><ul id="hits" role="listbox" aria-label="Sections found"></ul>'
      document.body.append(dialog)
      dialog.addEventListener('click', event => event.target === dialog && dialog.close())
      $('input', dialog).addEventListener('input', find)
      dialog.addEventListener('keydown', event => {
        const hits = all('a', dialog),
          at = hits.findIndex(a => a.getAttribute('aria-selected') === 'true')
        if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
          event.preventDefault()
          const next = (at + (event.key === 'ArrowDown' ? 1 : hits.length - 1)) % hits.length
          hits.forEach((a, i) => a.setAttribute('aria-selected', i === next))
          hits[next]?.scrollIntoView({ block: 'nearest' })
        }
        if (event.key === 'Escape') {
          event.preventDefault() // else a browser empties the field first
          dialog.close()
        }
        if (event.key === 'Enter') (hits[at] ?? hits[0])?.click()
      })
    }
    dialog.showModal()
    $('input', dialog).select()
    await Promise.all([load('minisearch.js'), load('search.js')])
    if (!index) {
      index = new globalThis.MiniSearch({
        fields: ['heading', 'text', 'title'],
        storeFields: ['url', 'title', 'heading', 'text'],
        tokenize: text => text.split(/[^\p{L}\p{N}_]+/u).filter(Boolean),
        searchOptions: {
          boost: { heading: 4, title: 1.5 },
          prefix: true,
          fuzzy: term => (term.length > 4 ? 0.2 : false),
          combineWith: 'AND',
        },
      })
      index.addAll(globalThis.book_search.map(([url, title, heading, text], id) => ({ id, url, title, heading, text })))
      find()
    }
  }
  function find() {
    const query = $('input', dialog).value.trim(),
      list = $('ul', dialog)
    if (!index || !query) {
      list.innerHTML = ''
      return
    }
    // All words of a question are rarely in one section: then the sections that have most of those that tell something.
    const telling =
      query
        .split(/\s+/)
        .filter(word => !common.has(word.toLowerCase()))
        .join(' ') || query
    const every = index.search(telling)
    const some = every.length < 3 ? index.search(telling, { combineWith: 'OR' }) : []
    const hits = [...every, ...some.filter(({ id }) => !every.some(hit => hit.id === id))].slice(0, 12)
    list.innerHTML = hits.length
      ? hits
          .map((h, i) => {
            const word = new RegExp(h.terms.map(t => t.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'i'),
              at = Math.max(0, h.text.search(word) - 50)
            const piece = escaped((at ? '… ' : '') + h.text.slice(at, at + 170)).replace(
              new RegExp(word.source, 'gi'),
              '<mark>$&</mark>',
            )
            return `<li role="presentation"><a role="option" href="${root + h.url}" aria-selected="${i === 0}"><b>${escaped(h.heading)}</b> · ${escaped(h.title)}<span>${piece}</span></a></li>`
          })
          .join('')
      : '<li class="none">Nothing found.</li>'
    all('a', list).forEach(a => a.addEventListener('click', () => dialog.close()))
  }
  $('.search-open')?.addEventListener('click', search)

  document.addEventListener('keydown', event => {
    if (
      event.target.closest('input, textarea, select, [role=application], .stepper, port-matrix') ||
      (event.ctrlKey && event.key !== 'k') ||
      (event.metaKey && event.key !== 'k') ||
      event.altKey
    )
      return
    if (event.key === '/' || (event.key === 'k' && (event.ctrlKey || event.metaKey))) {
      event.preventDefault()
      search()
    }
    if (event.key === 'Escape') {
      owner?.focus()
      close()
    }
    if (event.key === 'ArrowRight') $('[rel=next]')?.click()
    if (event.key === 'ArrowLeft') $('[rel=prev]')?.click()
    if (event.key === 't') $('.theme')?.click()
  })
})()
