import { createHash } from 'node:crypto'
import { globSync, mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { App } from 'aws-cdk-lib'
import { inject } from 'vitest'
import { catalogApp } from '../../infra/app.ts'
import { filledOnce } from '../support/run/once-per-run.ts'

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
  data: Template
  app: Template
  /** Of all stacks. */
  resources: Resource[]
  of: (type: string) => Resource[]
  /** Where it was written to. */
  folder: string
  /** The report of all checks. */
  report: { pluginReports: { summary: { status: string }; violations: unknown[] }[] }
}

type Template = { Resources: Record<string, Omit<Resource, 'id'>>; Outputs?: Record<string, unknown> }

const { context: FLAGS } = readJson(join(import.meta.dirname, '../../cdk.json'))

/** Without traces of where each part was made, which only people read. */
const QUICK = { 'aws:cdk:disable-stack-trace': true }

/** A stage with the feature flags of cdk.json, not synthesised yet. */
export function stageApp(stage: string, context: Record<string, string> = {}, folder = makeFolder()): App {
  return catalogApp({ outdir: folder, context: { ...FLAGS, ...QUICK, stage, ...context } })
}

/**
 * A stage that is synthesised once in a run of all tests, because that takes three seconds of a processor. Files that run at the
 * same time ask in different orders, so that none waits for the others.
 */
export async function synthesised(stage: string, context: Record<string, string> = {}): Promise<Synthesised> {
  const name = createHash('sha256')
    .update(JSON.stringify([stage, context]))
    .digest('hex')
  const folder = await filledOnce(`stage-${name}`, empty => void stageApp(stage, context, empty).synth())
  return readStage(stage, folder)
}

/** Synthesises a stage again. */
export function synthesisedAgain(stage: string): Synthesised {
  return readStage(stage, stageApp(stage).synth().directory)
}

function makeFolder(): string {
  return mkdtempSync(join(inject('runFolder'), 'app-'))
}

function readStage(stage: string, folder: string): Synthesised {
  const templateOf = (name: string): Template => readJson(join(folder, name))
  const resources = globSync('*.template.json', { cwd: folder }).map(templateOf).flatMap(resourcesOf)
  return {
    data: templateOf(`storage-catalog-${stage}-data.template.json`),
    app: templateOf(`storage-catalog-${stage}-app.template.json`),
    resources,
    folder,
    of: type => resources.filter(({ Type }) => Type === type),
    report: readJson(join(folder, 'validation-report.json')),
  }
}

function readJson(file: string) {
  return JSON.parse(readFileSync(file, 'utf8'))
}

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
