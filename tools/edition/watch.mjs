// Builds the edition, and again whenever a text, a program or a file of the builder is saved.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { here, repository } from './packages.mjs'

const build = () => spawnSync(process.execPath, [path.join(here, 'build.mjs')], { stdio: 'inherit' })
const chapters = path.join(repository, 'chapters')
const folders = [repository, path.join(repository, 'exercises'), here, path.join(here, 'figures'), path.join(here, 'measured')]
for (const name of fs.readdirSync(chapters)) folders.push(path.join(chapters, name))

let soon
for (const folder of folders)
  fs.watch(folder, (_, file) => {
    if (!/\.(md|json|mjs|js|css|[ch]pp)$/.test(file ?? '')) return
    clearTimeout(soon) // an editor's one save is several events
    soon = setTimeout(build, 100)
  })
build()
console.error('Waiting for the next save; Ctrl+C ends.')
