// Operations as methods of one class: `perennial.listOrders({ query: { limit: 5 } })`.
export default {
  input: '../openapi.json',
  output: { path: 'src/generated', module: { extension: '.js' } },
  logs: { level: 'error', file: false },
  plugins: [
    { name: '@hey-api/client-fetch', throwOnError: true },
    '@hey-api/typescript',
    {
      name: '@hey-api/sdk',
      responseStyle: 'data',
      operations: { strategy: 'single', containerName: 'Operations' },
    },
  ],
};
