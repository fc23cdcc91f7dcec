// Loaded by bunfig.toml before the first test file: an afterAll registered here runs after the last one.
// In a worker of `--parallel` it would run after each file, while the next one still needs the servers;
// there the guards of run.ts end them with the worker.

import { afterAll } from 'bun:test'
import { endRun } from './run.ts'

if (!process.env.BUN_TEST_WORKER_ID) afterAll(endRun)
