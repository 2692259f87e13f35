// The EPUB: a zip of the texts as XHTML. Two builds of one tree make the same bytes.
import zlib from 'node:zlib'
import { escape } from './html.mjs'
import { render } from './texts.mjs'

const crc_table = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; ++k) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1
  return n
})
const crc32 = bytes => ~bytes.reduce((crc, byte) => (crc >>> 8) ^ crc_table[(crc ^ byte) & 255], ~0) >>> 0

// entries: [name, content, stored?]; the date of each is 1980-01-01, the first that a zip can have.
function zip(entries) {
  const chunks = []
  const directory = []
  let offset = 0
  for (const [name, content, stored] of entries) {
    const raw = Buffer.from(content)
    const body = stored ? raw : zlib.deflateRawSync(raw, { level: 9 })
    const file = Buffer.from(name)
    const head = Buffer.alloc(26)
    head.writeUInt16LE(20, 0) // version 2.0
    head.writeUInt16LE(0x800, 2) // names in UTF-8
    head.writeUInt16LE(stored ? 0 : 8, 4)
    head.writeUInt16LE(0x21, 8)
    head.writeUInt32LE(crc32(raw), 10)
    head.writeUInt32LE(body.length, 14)
    head.writeUInt32LE(raw.length, 18)
    head.writeUInt16LE(file.length, 22)
    chunks.push(Buffer.from('PK\x03\x04'), head, file, body)
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(offset, 10)
    directory.push(Buffer.from('PK\x01\x02\x14\x00'), head, tail, file)
    offset += 30 + file.length + body.length
  }
  const listed = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06')
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(listed.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...chunks, listed, end])
}

const xhtml = (title, body) =>
  '<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml" ' +
  `xmlns:epub="http://www.idpf.org/2007/ops" lang="en" xml:lang="en"><head><title>${escape(title)}</title>` +
  `<link rel="stylesheet" href="book.css"/></head><body>${body}</body></html>`

const container =
  '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>' +
  '<rootfile full-path="EPUB/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'

const metadata =
  '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">urn:portlab:book</dc:identifier>' +
  '<dc:title>Port binding, program by program</dc:title><dc:language>en</dc:language>' +
  '<meta property="dcterms:modified">1980-01-01T00:00:00Z</meta><meta property="schema:accessMode">textual</meta>' +
  '<meta property="schema:accessibilityFeature">tableOfContents</meta><meta property="schema:accessibilityHazard">none</meta>' +
  '<meta property="schema:accessibilitySummary">Diagrams have text alternatives.</meta></metadata>'

export function epub(book, css) {
  const file_of = text => text.page.replace(/html$/, 'xhtml')
  const pages = book.texts.map(text => {
    const html = render(book, text, 'epub')
      .html.replace(/<(br|hr|img|input)([^>]*?)\/?>/g, '<$1$2/>')
      .replace(/ tabindex="0"/g, '')
      .replace(/&nbsp;/g, '&#160;')
    return [`EPUB/${file_of(text)}`, xhtml(text.title, html)]
  })
  const items = book.texts.map((text, i) => {
    const drawn = pages[i][1].includes('<svg') ? ' properties="svg"' : ''
    return `<item id="c${i}" href="${file_of(text)}" media-type="application/xhtml+xml"${drawn}/>`
  })
  const opf =
    '<?xml version="1.0" encoding="UTF-8"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">' +
    `${metadata}<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>` +
    `<item id="css" href="book.css" media-type="text/css"/>${items.join('')}</manifest>` +
    `<spine><itemref idref="nav"/>${items.map((_, i) => `<itemref idref="c${i}"/>`).join('')}</spine></package>`
  const sections = text =>
    text.headings
      .filter(({ level }) => level === 2)
      .map(({ id, title }) => `<li><a href="${file_of(text)}#${id}">${escape(title)}</a></li>`)
  const chapters = book.texts.map(
    text => `<li><a href="${file_of(text)}">${escape(text.title)}</a><ol>${sections(text).join('')}</ol></li>`,
  )
  const nav = xhtml('Contents', `<nav epub:type="toc"><h1>Contents</h1><ol>${chapters.join('')}</ol></nav>`)
  return zip([
    ['mimetype', 'application/epub+zip', true],
    ['META-INF/container.xml', container],
    ['EPUB/book.opf', opf],
    ['EPUB/nav.xhtml', nav],
    ['EPUB/book.css', css],
    ...pages,
  ])
}
