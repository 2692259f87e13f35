// The frame of a page: contents, section map, previous and next, search, light and dark.
import { escape } from './html.mjs'

const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' " +
  "fill='%230b5c87'/%3E%3Cpath d='M5 12V4h3.5a2.5 2.5 0 0 1 0 5H5' fill='none' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E"

function contents(texts, text, up) {
  const items = texts.map(other => {
    const here = other === text
    const sections = (other.headings ?? []).filter(
      ({ level, title }) => level === 2 || (level === 3 && title.startsWith('Exercise')),
    )
    const map = here
      ? `<ul>${sections.map(({ level, id, title }) => `<li class="l${level}"><a href="#${id}">${escape(title)}</a></li>`).join('')}</ul>`
      : ''
    const link = `<a href="${up}${other.page}"${here ? ' aria-current="page"' : ''}>${escape(other.title)}</a>`
    return `<li${here ? ' class="here"' : ''}>${link}${map}</li>`
  })
  return `<ol>${items.join('')}</ol>`
}

function turn(texts, text) {
  const at = texts.indexOf(text)
  if (at < 0) return ''
  const to = (other, rel, word) =>
    other ? `<a rel="${rel}" href="${other.page}"><small>${word}</small>${escape(other.title)}</a>` : '<span></span>'
  return `<nav class="turn" aria-label="Chapters">${to(texts[at - 1], 'prev', 'Previous')}${to(texts[at + 1], 'next', 'Next')}</nav>`
}

/// A page of a text, or of a source file (up is then '../').
export function page(texts, text, body, { up = '', figures = [] } = {}) {
  const script = file => `<script defer src="${up}assets/${file}.js"></script>`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(text.title)} · Portlab</title>
<meta name="color-scheme" content="light dark"><meta name="description" content="Port binding, program by program: ${escape(text.title)}">
<script>try { const theme = localStorage.getItem('theme'); if (theme) document.documentElement.dataset.theme = theme } catch {}</script>
<link rel="icon" href="${icon}">
<link rel="stylesheet" href="${up}assets/book.css"></head>
<body><a class="skip" href="#text">Skip to the text</a>
<header class="top"><button type="button" class="menu" aria-expanded="false" aria-controls="toc"><span aria-hidden="true">☰</span> Contents</button>
<a class="brand" href="${up}index.html">Portlab</a><span class="now">${escape(text.title)}</span>
<button type="button" class="search-open"><span aria-hidden="true">⌕</span> Search <kbd>/</kbd></button>
<button type="button" class="theme" aria-label="Light or dark"><span aria-hidden="true">◐</span></button></header>
<nav id="toc" aria-label="Contents">${contents(texts, text, up)}<p class="also"><a href="${up}portlab.epub">The book as EPUB</a></p></nav>
<main id="text" tabindex="-1">${body}
${turn(texts, text)}</main>
${['book', ...figures].map(script).join('')}</body></html>
`
}
