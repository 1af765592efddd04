// The direction of dependencies: main -> app -> {config, transports, drivers} -> core, and cli -> client -> gen.
// Type-only imports count.

/** Builtins that reach neither network, disk, other processes nor the time: that comes from the core's Clock. */
const coreBuiltins = '^(node:)?(buffer|crypto|diagnostics_channel|events|util|zlib)$';
const corePackages = 'node_modules/(lru-cache|p-queue)/';

/** Nothing in `from` imports anything of the project's sources but what matches one of `to`. */
const only = (name, from, to, comment) => ({
  name,
  severity: 'error',
  comment,
  from: { path: from },
  to: { path: '^(src|test|scripts|bench|examples)/', pathNot: to },
});

module.exports = {
  forbidden: [
    only(
      'core-stands-alone',
      '^src/core/',
      ['^src/core/'],
      'The core declares ports; it does not know who implements or calls them.',
    ),
    {
      name: 'core-touches-no-outside',
      severity: 'error',
      comment: 'The core runs on a virtual clock in simulations: no network, no files, few packages.',
      from: { path: '^src/core/' },
      to: { pathNot: ['^src/', corePackages, coreBuiltins] },
    },
    only('gen-stands-alone', '^src/gen/', ['^src/gen/'], 'Generated code imports generated code.'),
    {
      name: 'gen-is-for-transports-and-client',
      severity: 'error',
      comment: 'What is generated ends at the edge: the core has types of its own.',
      from: { path: '^src/', pathNot: ['^src/(gen|transports|client)/'] },
      to: { path: '^src/gen/' },
    },
    only(
      'drivers-import-core',
      '^src/drivers/([^/]+)/',
      ['^src/core/', '^src/drivers/$1/'],
      'Drivers never import each other.',
    ),
    only('transports-import-core-and-gen', '^src/transports/', ['^src/(core|gen|transports)/']),
    only('telemetry-imports-core', '^src/telemetry/', ['^src/(core|telemetry)/']),
    only('config-imports-core', '^src/config/', ['^src/(core|config)/']),
    only('app-composes', '^src/app(/|[.]ts$)', ['^src/(core|config|telemetry|transports|drivers|app)(/|[.]ts$)']),
    only('main-starts-the-app', '^src/main[.]ts$', ['^src/(app|config|telemetry|core)(/|[.]ts$)']),
    only('client-imports-gen', '^src/client/', ['^src/(client|gen)/'], 'A service imports the client alone.'),
    {
      name: 'browser-client-without-node',
      severity: 'error',
      comment: 'A page has fetch, and neither sockets nor files.',
      from: { path: '^src/client/(browser|exports)[.]ts$' },
      to: {
        path: '(^node:|^(buffer|http|http2|https|net|tls)$|node_modules/@connectrpc/connect-node/)',
        reachable: true,
      },
    },
    only(
      'cli-imports-client',
      '^src/cli/(?!serve([./]|-))',
      ['^src/(cli|client|config)/'],
      'The commands use the client, as any user can; config reads the files that people write.',
    ),
    only('only-serve-imports-the-app', '^src/cli/serve([./]|-)', [
      '^src/(cli|client|app|config)(/|[.]ts$)',
      '^src/(app|main)[.]ts$',
    ]),
    {
      name: 'no-cycles',
      severity: 'error',
      from: { path: '^(src|test|scripts)/' },
      to: { circular: true },
    },
    {
      name: 'kafkajs-in-one-place',
      severity: 'error',
      comment: 'So that another client can replace it.',
      from: { path: '^src/', pathNot: ['^src/drivers/kafka/kafkajs-link[.]ts$'] },
      to: { path: 'node_modules/kafkajs/' },
    },
    {
      name: 'platformatic-kafka-in-one-place',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/drivers/kafka/platformatic-link[.]ts$'] },
      to: { path: 'node_modules/@platformatic/' },
    },
    {
      name: 'zookeeper-client-in-one-file',
      severity: 'error',
      comment: 'Its traps are known in one file.',
      from: { path: '^src/', pathNot: ['^src/drivers/zookeeper/client[.]ts$'] },
      to: { path: 'node_modules/node-zookeeper-client/' },
    },
    {
      name: 'sources-need-no-dev-dependency',
      severity: 'error',
      comment: 'An installation without development dependencies must run.',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], pathNot: ['node_modules/@types/'] },
    },
    {
      name: 'no-undeclared-dependency',
      severity: 'error',
      from: { path: '^(src|test|scripts)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown'] },
    },
    {
      name: 'everything-resolves',
      severity: 'error',
      from: { path: '^(src|test|scripts)/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules'] },
    exclude: { path: ['^dist/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { conditionNames: ['import', 'node', 'types', 'default'], exportsFields: ['exports'] },
  },
};
