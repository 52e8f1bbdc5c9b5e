import { App, type AppProps } from 'aws-cdk-lib'
import { appStack } from './app-stack.ts'
import { check } from './checks.ts'
import { dataStack } from './data-stack.ts'
import { readOptions } from './options.ts'

/**
 * The whole catalog of one stage. The stacks name no account or region: the CLI's profile says where to deploy, so synthesis needs no
 * requests to AWS and gives the same templates everywhere.
 */
export function catalogApp(props: AppProps = {}): App {
  const app = new App({ analyticsReporting: false, ...props })
  const options = readOptions(app.node)
  const data = dataStack(app, options)
  appStack(app, options, data)
  check(app)
  return app
}

if (import.meta.main) catalogApp().synth()
