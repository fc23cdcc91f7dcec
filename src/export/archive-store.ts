/** Where an archive's files are: a folder, or a bucket of an object store that speaks S3. A file is there whole or not at all. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { S3Client } from 'bun'
import { writeDurably } from './export-checkpoint.ts'

/** The archive cannot be written: it is not one of this log, or not whole, or not there. The message says why. */
export class ArchiveRefused extends Error {
  override readonly name = 'ArchiveRefused'
}

export interface ArchiveStore {
  /** What it is called, however it was written. */
  readonly name: string
  /** The paths of all files, with / between their parts. */
  list(): Promise<string[]>
  put(path: string, bytes: Uint8Array): Promise<void>
}

/** A file that a run has left that was broken off. */
const brokenOff = /^month=\d{4}-\d\d\/\d+-\d+-\d+-[0-9a-f]+\.parquet\.new$/

/**
 * @param target a folder, or `s3://bucket/prefix`
 * @throws ArchiveRefused for an address of anything else
 */
export function openArchiveStore(target: string): ArchiveStore {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(target) ?? []
  if (bucket) return bucketStore(bucket, prefix.replace(/\/$/, ''))
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(target)) {
    throw new ArchiveRefused('an archive is in a folder, or in s3://bucket or s3://bucket/prefix')
  }
  return folderStore(target)
}

function folderStore(folder: string): ArchiveStore {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return {
    name: realpathSync(folder),
    async list() {
      const all = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      for (const path of all.filter((each) => brokenOff.test(each))) rmSync(join(folder, path))
      return all.filter((path) => path.endsWith('.parquet'))
    },
    async put(path, bytes) {
      const file = join(folder, path)
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      writeDurably(`${file}.new`, bytes)
      renameSync(`${file}.new`, file)
      syncFolder(dirname(file))
    },
  }
}

/** A new name is on disk when its folder is. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** The address and the login come from S3_ENDPOINT, S3_REGION, S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, or their AWS_… names. */
function bucketStore(bucket: string, prefix: string): ArchiveStore {
  const client = new S3Client({ bucket })
  const begin = prefix === '' ? '' : `${prefix}/`
  return {
    name: `s3://${bucket}/${prefix}`,
    async list() {
      const paths: string[] = []
      let continuationToken: string | undefined
      do {
        const page = await client.list({
          prefix: begin,
          ...(continuationToken && { continuationToken }),
        })
        for (const { key } of page.contents ?? []) {
          if (key.endsWith('.parquet')) paths.push(key.slice(begin.length))
        }
        continuationToken = page.isTruncated ? page.nextContinuationToken : undefined
      } while (continuationToken)
      return paths
    },
    async put(path, bytes) {
      await client.write(begin + path, bytes)
    },
  }
}
