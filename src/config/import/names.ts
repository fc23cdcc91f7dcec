/** Names in the configuration that are made of names in a document. */

/** Gives each name out once: another that becomes the same gets a number. */
export function uniqueNames(maxLength: number, prefix: string): (wish: string) => string {
  const taken = new Set<string>()
  return (wish) => {
    const plain = wish
      .replace(/[^A-Za-z0-9_-]+/g, '-')
      .replace(/-{2,}/g, '-')
      .replace(/^[-_]+|-+$/g, '')
    const named = /^[A-Za-z]/.test(plain) ? plain : `${prefix}${plain}`
    let name = named.slice(0, maxLength).replace(/-+$/, '')
    for (let count = 2; taken.has(name.toLowerCase()); count++) {
      const end = `-${count}`
      name = `${named.slice(0, maxLength - end.length)}${end}`
    }
    taken.add(name.toLowerCase())
    return name
  }
}
