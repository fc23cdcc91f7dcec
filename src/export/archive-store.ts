/** Where an archive's files are: a folder, or a bucket of an object store that speaks S3. A file is there whole or not at all. */
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { S3Client } from 'bun'
import { writeDurably } from './export-checkpoint.ts'

export interface ArchiveStore {
  /** The paths of all files, with / between their parts. */
  list(): Promise<string[]>
  put(path: string, bytes: Uint8Array): Promise<void>
}

/** @param target a folder, or `s3://bucket/prefix` */
export function openArchiveStore(target: string): ArchiveStore {
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(target) ?? []
  return bucket ? bucketStore(bucket, prefix.replace(/\/$/, '')) : folderStore(target)
}

function folderStore(folder: string): ArchiveStore {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return {
    async list() {
      const all = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      // What a run that was broken off has left.
      for (const path of all.filter((each) => each.endsWith('.new'))) rmSync(join(folder, path))
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
