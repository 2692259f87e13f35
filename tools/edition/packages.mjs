// npm's packages lie in build/npm/, outside the folder of this file, so that nothing but sources stands among the sources.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const here = path.dirname(fileURLToPath(import.meta.url))
export const repository = path.resolve(here, '../..')
export const packages = path.join(repository, 'build/npm/node_modules')
export const installed = () => existsSync(path.join(packages, 'markdown-it'))
export const load = createRequire(path.join(packages, 'of-the-edition.cjs'))
