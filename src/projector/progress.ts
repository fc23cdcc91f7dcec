/** How far a long piece of work has come: its name, how many events it has in all, and how many are done. */
export type Progress = (name: string, total: number, done: number) => void
