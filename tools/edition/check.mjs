// What a built page must not have: links that lead nowhere, and one id twice.
import path from 'node:path'

const all = (text, pattern) => [...text.matchAll(pattern)].map(match => match[1])

/// files: name → content. Sentences.
export function faults_of(files) {
  const faults = []
  const ids = new Map()
  for (const [file, content] of files) {
    if (!file.endsWith('.html')) continue
    const found = all(content, /<[^<>]*\sid="([^"]+)"/g)
    ids.set(file, new Set(found))
    for (const id of ids.get(file))
      if (found.filter(other => other === id).length > 1) faults.push(`${file}: the id ${id} twice`)
  }
  for (const [file, content] of files) {
    if (!file.endsWith('.html')) continue
    for (const href of all(content, /<[^<>]*\s(?:href|src)="([^"]+)"/g)) {
      if (/^(https?|data|mailto):/.test(href)) continue
      const [to, hash] = href.split('#')
      const there = to ? path.posix.normalize(path.posix.join(path.posix.dirname(file), to)) : file
      if (!files.has(there)) faults.push(`${file}: leads nowhere: ${href}`)
      else if (hash && !ids.get(there)?.has(decodeURIComponent(hash))) faults.push(`${file}: no such heading: ${href}`)
    }
  }
  return faults
}
