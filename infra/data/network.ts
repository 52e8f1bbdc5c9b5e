import {
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  type IInterfaceVpcEndpointService,
  InterfaceVpcEndpointAwsService,
  IpAddresses,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2'
import { AnyPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { Queue } from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'
import { type FunctionName, type FunctionRow, functionNames, functionRow } from '../../shared/functions.ts'
import { LIST_ACTIONS, READ_ACTIONS, WRITE_ACTIONS } from '../bucket-actions.ts'
import { logGroup } from '../functions/log-group.ts'
import { bucketArn, functionArn, prefixOf } from '../names.ts'
import type { Stage } from '../stages.ts'

/** The network; its security groups say what may connect to what. */
export type Network = {
  vpc: Vpc
  groups: Record<'database' | 'proxy' | 'endpoints', SecurityGroup>
  /** The groups of functions, by what a function may connect to. */
  functionGroups: Record<FunctionRow['network'], SecurityGroup>
}

const POSTGRES = Port.tcp(5432)

/** A network without a route to the internet: no gateway, no NAT, but an endpoint for each service that functions call, limited to what they call. */
export function network(
  scope: Construct,
  stage: Stage,
  aws: NonNullable<Stage['aws']>,
  { bucketName, deadLetters, inventoryBucket }: { bucketName: string; deadLetters: Queue; inventoryBucket?: string },
): Network {
  const vpc = new Vpc(scope, 'Network', {
    vpcName: prefixOf(stage),
    ipAddresses: IpAddresses.cidr('10.20.0.0/20'),
    // RDS and its proxy want two, even where only one is used.
    maxAzs: 2,
    natGateways: 0,
    subnetConfiguration: [{ name: 'isolated', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 }],
    // It would be a custom resource; nothing is in the default group.
    restrictDefaultSecurityGroup: false,
  })
  vpc.addFlowLog('FlowLog', {
    trafficType: FlowLogTrafficType[aws.flowLogs],
    destination: FlowLogDestination.toCloudWatchLogs(logGroup(scope, 'FlowLogs', stage, `/${prefixOf(stage)}/flow`)),
  })
  const { groups, functionGroups } = securityGroups(vpc)

  const s3 = vpc.addGatewayEndpoint('S3', { service: GatewayVpcEndpointAwsService.S3 })
  s3.addToPolicy(
    allow([...LIST_ACTIONS, ...READ_ACTIONS, ...WRITE_ACTIONS], [bucketArn(bucketName), `${bucketArn(bucketName)}/*`]),
  )
  if (inventoryBucket) s3.addToPolicy(allow(['s3:GetObject'], [`${bucketArn(inventoryBucket)}/*`]))
  const endpoint = (id: string, service: IInterfaceVpcEndpointService, statement: PolicyStatement) =>
    vpc
      .addInterfaceEndpoint(id, {
        service,
        securityGroups: [groups.endpoints],
        open: false,
        subnets: { subnets: vpc.isolatedSubnets.slice(0, aws.endpointZones) },
      })
      .addToPolicy(statement)
  endpoint('Sqs', InterfaceVpcEndpointAwsService.SQS, allow(['sqs:SendMessage'], [deadLetters.queueArn]))
  endpoint(
    'Lambda',
    InterfaceVpcEndpointAwsService.LAMBDA,
    allow(
      ['lambda:InvokeFunction'],
      invokedFunctions().map(name => functionArn(scope, stage, name)),
    ),
  )
  return { vpc, groups, functionGroups }
}

/** The functions that other functions may invoke. */
function invokedFunctions(): FunctionName[] {
  return [...new Set(functionNames().flatMap(name => functionRow(name).invokes ?? []))]
}

function securityGroups(vpc: Vpc): Pick<Network, 'groups' | 'functionGroups'> {
  const group = (id: string, description: string) =>
    new SecurityGroup(vpc, `${id}Group`, { vpc, description, allowAllOutbound: false })
  const database = group('Database', 'The database')
  const proxy = group('Proxy', 'The proxy before the database')
  const endpoints = group('Endpoints', 'Interface endpoints of AWS services')
  const clients = group('Clients', 'Functions that use the database')
  const readers = group('Readers', 'Functions that use the database, S3 and other services')
  const migrator = group('Migrator', 'The function that migrates the database')

  // CDK adds the rules from the proxy to the database itself.
  migrator.connections.allowTo(database, POSTGRES, 'migrations')
  clients.connections.allowTo(proxy, POSTGRES, 'queries')
  readers.connections.allowTo(proxy, POSTGRES, 'queries')
  endpoints.addIngressRule(readers, Port.HTTPS, 'calls of functions')
  // S3's addresses are not known at synthesis; these subnets have no route to anything else.
  readers.addEgressRule(Peer.anyIpv4(), Port.HTTPS, 'S3 by its gateway endpoint, and the interface endpoints')
  return {
    groups: { database, proxy, endpoints },
    functionGroups: {
      proxy: clients,
      'proxy and services': readers,
      instance: migrator,
    },
  }
}

function allow(actions: string[], resources: string[]): PolicyStatement {
  return new PolicyStatement({ principals: [new AnyPrincipal()], actions, resources })
}
