/** `npm run bench -- <name> [options]`: each bench is a program of its own that prints tables of figures from one run. */
const BENCHES: Record<string, { says: string; run: () => Promise<unknown> }> = {
  index: { says: 'indexing, against three commits a record; --quick, --rounds', run: () => import('./index.ts') },
  search: { says: 'search, against ranking every match; --objects, --runs', run: () => import('./search.ts') },
  bundles: {
    says: 'size and cold start of each Lambda, against the driver of Postgres alone; --rounds',
    run: () => import('./bundles.ts'),
  },
  reconcile: { says: 'backfill and reconcile, against a tenth of the size; --versions', run: () => import('./reconcile.ts') },
}

const [name = '--help'] = process.argv.splice(2, 1)
const bench = BENCHES[name]
if (bench) await bench.run()
else {
  const list = Object.entries(BENCHES).map(([each, { says }]) => `  ${each.padEnd(10)} ${says}`)
  console.log(`Usage: npm run bench -- <name> [options]\n\n${list.join('\n')}`)
  if (name !== '--help') process.exitCode = 1
}
