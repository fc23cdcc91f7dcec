/** Errors that reach nobody: a process ends by them, unless they are known to be of no consequence. */
import { isLostTypesQuery, isWriteToLostConnection } from '../ledger/connection/library-faults.ts'
import { complain } from './output.ts'

/** @param end says what the error is, and ends the process */
export function handleProcessFaults(end: (error: unknown) => never): void {
  process.on('unhandledRejection', (error) => {
    if (!isLostTypesQuery(error)) end(error)
  })
  process.on('uncaughtException', (error) => {
    if (isWriteToLostConnection(error)) return
    complain(error.stack ?? '')
    end(error)
  })
}
