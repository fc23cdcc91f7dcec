// Loaded by bunfig.toml before the first test file: an afterAll registered here runs after the last one.

import { afterAll } from 'bun:test'
import { endRun } from './run.ts'

afterAll(endRun)
