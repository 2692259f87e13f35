// What every part of the builder needs of HTML.
export const escape = text => text.replace(/[&<>"]/g, c => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c])
export const json = value => JSON.stringify(value).replaceAll('<', '\\u003c')
export const literal = text => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') // in a regular expression

/// What a reader sees of a piece of HTML, as one line.
export const plain = html =>
  html
    .replace(/<script[\s\S]*?<\/script>|<svg[\s\S]*?<\/svg>|<div class="facts">[\s\S]*?<\/div>\n|<a class="(?:mark|anchor)[\s\S]*?<\/a>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/&(lt|gt|quot|amp|nbsp);/g, (_, name) => ({ lt: '<', gt: '>', quot: '"', amp: '&', nbsp: ' ' })[name])
    .replace(/\s+/g, ' ')
    .trim()
