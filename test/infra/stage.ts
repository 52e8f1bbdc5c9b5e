import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { App } from 'aws-cdk-lib'
import { catalogApp } from '../../infra/app.ts'

/** A resource of a template; references are text such as `<Queue.Arn>`. */
export type Resource = {
  id: string
  Type: string
  // biome-ignore lint/suspicious/noExplicitAny: CloudFormation's properties have no type that would help a test.
  Properties: any
  DependsOn: string[]
  DeletionPolicy?: string
}

/** What is synthesised of a stage. */
export type Synthesised = {
  data: Record<string, unknown>
  app: Record<string, unknown>
  /** Of all stacks. */
  resources: Resource[]
  of: (type: string) => Resource[]
  /** Where it was written to. */
  folder: string
  /** The report of all checks. */
  report: { pluginReports: { summary: { status: string }; violations: unknown[] }[] }
}

const { context: FLAGS } = JSON.parse(readFileSync(join(import.meta.dirname, '../../cdk.json'), 'utf8'))

/** Without traces of where each part was made, which only people read. */
const QUICK = { 'aws:cdk:disable-stack-trace': true }

/** A stage with the feature flags of cdk.json, not synthesised yet. */
export function stageApp(stage: string, context: Record<string, string> = {}): App {
  const outdir = mkdtempSync(join(tmpdir(), 'catalog-synth-'))
  process.once('exit', () => rmSync(outdir, { recursive: true }))
  return catalogApp({ outdir, context: { ...FLAGS, ...QUICK, stage, ...context } })
}

/** Synthesises a stage. */
export function synthesise(stage: string, context: Record<string, string> = {}): Synthesised {
  const assembly = stageApp(stage, context).synth()
  const templateOf = (name: string) => assembly.getStackByName(`storage-catalog-${stage}-${name}`).template
  const [data, app] = [templateOf('data'), templateOf('app')]
  const resources = assembly.stacks.flatMap(({ template }) => resourcesOf(template))
  return {
    data,
    app,
    resources,
    folder: assembly.directory,
    of: type => resources.filter(({ Type }) => Type === type),
    report: JSON.parse(readFileSync(join(assembly.directory, 'validation-report.json'), 'utf8')),
  }
}

type Template = { Resources: Record<string, Omit<Resource, 'id'>> }

function resourcesOf({ Resources }: Template): Resource[] {
  return Object.entries(Resources).map(([id, { Properties, DependsOn, ...rest }]) => {
    return { id, ...rest, Properties: resolved(Properties ?? {}), DependsOn: [DependsOn ?? []].flat() }
  })
}

/** Fn::Join, Ref and their like as text. */
function resolved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(resolved)
  if (typeof value !== 'object' || value === null) return value
  const [[name, argument] = ['', undefined], ...more] = Object.entries(value)
  if (more.length === 0 && name === 'Ref') return `<${argument}>`
  if (more.length === 0 && name === 'Fn::GetAtt') return `<${(argument as string[]).join('.')}>`
  if (more.length === 0 && name === 'Fn::ImportValue')
    return `<${String(argument).replace(/^.*ExportsOutput(FnGetAtt|Ref)/, '')}>`
  if (more.length === 0 && name === 'Fn::Sub' && typeof argument === 'string')
    return argument.replaceAll('${', '<').replaceAll('}', '>')
  if (more.length === 0 && name === 'Fn::Join') {
    const [separator, parts] = argument as [string, unknown[]]
    return parts.map(part => String(resolved(part))).join(separator)
  }
  if (more.length === 0 && (name === 'Fn::Select' || name === 'Fn::Split')) {
    return `<${name.slice(4)} ${(argument as unknown[]).map(part => String(resolved(part))).join(' ')}>`
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolved(each)]))
}
