/** `npm run bench -- <name> [options]`: each bench is a separate program that prints tables of figures from one run. */
const BENCHES: Record<string, { description: string; run: () => Promise<unknown> }> = {
  index: { description: 'indexing, compared with three commits per record; --quick, --rounds', run: () => import('./index.ts') },
  search: { description: 'search, compared with ranking every match; --objects, --runs', run: () => import('./search.ts') },
  bundles: {
    description: 'size and cold start of each Lambda, compared with the Postgres driver alone; --rounds',
    run: () => import('./bundles.ts'),
  },
  reconcile: {
    description: 'backfill and reconcile, compared with a tenth of the size; --versions',
    run: () => import('./reconcile.ts'),
  },
}

const [name = '--help'] = process.argv.splice(2, 1)
const bench = BENCHES[name]
if (bench) await bench.run()
else {
  const list = Object.entries(BENCHES).map(([each, { description }]) => `  ${each.padEnd(10)} ${description}`)
  console.log(`Usage: npm run bench -- <name> [options]\n\n${list.join('\n')}`)
  if (name !== '--help') process.exitCode = 1
}
