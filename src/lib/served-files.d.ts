/** Files that are served, not run: an import `with { type: 'file' }` gives their path. */
declare module 'swagger-ui-dist/*' {
  const path: string
  export default path
}

declare module '*/docs-start.js' {
  const path: string
  export default path
}

/** A style that the bundler puts beside the program which imports it. */
declare module '*.css' {}
