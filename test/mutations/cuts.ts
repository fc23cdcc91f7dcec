/** An event cut out of the log, and the rest made to fit as if it had never been: numbered, named and hashed anew. */
import type { Sql } from '../../src/ledger/connect.ts'
import { type EventRow, hashAgain } from './copies.ts'

type Row = EventRow & {
  readonly key_id: string | null
  readonly stream_version: number | null
  readonly lots: readonly number[] | null
}

interface CommandRow {
  readonly command_id: string
  readonly result: Readonly<Record<string, unknown>> & { readonly positions: readonly number[] }
}

/**
 * Cuts events out, as whoever owns the database could: what comes after them is moved up, in its streams, too, and whatever names a
 * position or a version of a key names the new one. Commands that became nothing else are deleted.
 * @returns where an event stands now
 */
export async function cutOut(
  vandal: Sql,
  cut: ReadonlySet<number>,
): Promise<(position: number) => number> {
  const rows = (
    await vandal<{ row: Row }[]>`select to_jsonb(e) as row from events e order by position`
  ).map(({ row }) => row)
  const moved = new Map<number, number>()
  let next = 1
  for (const { position } of rows) moved.set(position, cut.has(position) ? next : next++)
  const at = (position: number) => moved.get(position) ?? position
  const versions = versionsAfter(rows.filter(({ position }) => cut.has(position)))
  const left = rows
    .filter(({ position }) => !cut.has(position))
    .map((row) => movedRow(row, at, versions))
  await vandal`delete from events`
  for (let i = 0; i < left.length; i += 1_000) {
    await vandal`
      insert into events
      select * from json_populate_recordset(null::events, ${JSON.stringify(left.slice(i, i + 1_000))}::text::json)`
  }
  await hashAgain(
    vandal,
    left.map(({ position }) => position),
  )
  await vandal`update heads set position = ${next - 1}`
  await moveCommands(vandal, cut, at)
  return at
}

/** How many versions fewer a stream has, from a version on. */
function versionsAfter(cut: readonly Row[]): Map<string, number> {
  return new Map(
    cut.flatMap((row) =>
      row.stream_version === null ? [] : [[streamOf(row), row.stream_version] as const],
    ),
  )
}

function streamOf({ account_id, key_id }: Row): string {
  return String(key_id ?? account_id)
}

function movedRow(row: Row, at: (position: number) => number, versions: Map<string, number>): Row {
  const { payload, stream_version } = row
  const { lostFrom, keyVersion } = payload as { lostFrom?: number; keyVersion?: number }
  const earlier = (version: number) => (version > (versions.get(streamOf(row)) ?? version) ? 1 : 0)
  return {
    ...row,
    position: at(row.position),
    lots: row.lots?.map(at) ?? null,
    stream_version: stream_version === null ? null : stream_version - earlier(stream_version),
    payload: {
      ...payload,
      ...(lostFrom === undefined ? {} : { lostFrom: at(lostFrom) }),
      ...(keyVersion === undefined
        ? {}
        : {
            keyVersion:
              keyVersion - (keyVersion >= (versions.get(streamOf(row)) ?? keyVersion + 1) ? 1 : 0),
          }),
    },
  }
}

async function moveCommands(
  vandal: Sql,
  cut: ReadonlySet<number>,
  at: (position: number) => number,
): Promise<void> {
  const commands = await vandal<
    { row: CommandRow }[]
  >`select to_jsonb(c) as row from management_commands c`
  const left = commands.flatMap(({ row }) => {
    const positions = row.result.positions.filter((position) => !cut.has(position)).map(at)
    return positions.length > 0 ? [{ ...row, result: { ...row.result, positions } }] : []
  })
  await vandal`delete from management_commands`
  await vandal`
    insert into management_commands
    select * from json_populate_recordset(null::management_commands, ${JSON.stringify(left)}::text::json)`
}
