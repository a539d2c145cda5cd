// The plan, the app and its settings.
param token string
param location string
param tags object
param identity string
param clientId string
param subnet string
param stateBlobs string
param stateQueues string
param dropsBlobs string
param dropsQueues string
param vaultUrl string
@secure()
param applicationInsightsConnection string
param deploymentContainer string
param segmentsContainer string
param stateContainer string
param refreshSchedule string
param dropSettleSeconds int
param runRetentionDays int
param instanceMemoryMB int
param maximumInstanceCount int
param alwaysReadyBlobInstances int

// Every app setting, here and nowhere else. Those the app itself reads are described in the README; the others are
// for the platform.
var settings = {
  AZURE_CLIENT_ID: clientId // which identity azure-identity takes
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: clientId
  AzureWebJobsStorage__blobServiceUri: stateBlobs
  AzureWebJobsStorage__queueServiceUri: stateQueues
  SegmentStorage__credential: 'managedidentity'
  SegmentStorage__clientId: clientId
  SegmentStorage__blobServiceUri: dropsBlobs
  SegmentStorage__queueServiceUri: dropsQueues // where the blob trigger puts what it gave up on
  SEGMENTS_CONTAINER: segmentsContainer
  STATE_CONTAINER: stateContainer
  KEY_VAULT_URL: vaultUrl
  REFRESH_SCHEDULE: refreshSchedule
  BLOB_TRIGGER_SOURCE: 'EventGrid'
  DROP_SETTLE_SECONDS: string(dropSettleSeconds)
  RUN_RETENTION_DAYS: string(runRetentionDays)
  APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsightsConnection
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${clientId};Authorization=AAD'
  OTEL_TRACES_SAMPLER: 'microsoft.fixed_percentage' // the default drops logs above 5 invocations a second
  OTEL_TRACES_SAMPLER_ARG: '1'
  PYTHON_THREADPOOL_THREAD_COUNT: '32' // a thread for every message that host.json lets an instance hold
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-courier-${token}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { tier: 'FlexConsumption', name: 'FC1' }
  properties: { reserved: true }
  // checkov:skip=CKV_AZURE_225:Not every region has zones, and a run that loses its instance goes on in the next one.
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: 'func-courier-${token}'
  location: location
  tags: union(tags, { 'azd-service-name': 'courier' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity}': {} }
  }
  // checkov:skip=CKV_AZURE_78:Flex Consumption has no FTP, and the passwords for it are switched off below.
  // checkov:skip=CKV_AZURE_212:Flex Consumption starts instances as work arrives, from zero.
  // checkov:skip=CKV_AZURE_213:Flex Consumption replaces instances itself; GET /api/health is for people.
  properties: {
    serverFarmId: plan.id
    // checkov:skip=CKV_AZURE_222:Event Grid and the callers of the API come through the internet; both need a key.
    // checkov:skip=CKV_AZURE_17:Neither Event Grid nor the people who call the API have a client certificate; they have keys.
    httpsOnly: true
    virtualNetworkSubnetId: empty(subnet) ? null : subnet
    siteConfig: {
      minTlsVersion: '1.2'
      http20Enabled: true
      appSettings: [for setting in items(settings): { name: setting.key, value: setting.value }]
    }
    functionAppConfig: {
      runtime: { name: 'python', version: '3.12' }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${stateBlobs}${deploymentContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity
          }
        }
      }
      // Every queue function scales on its own; how many messages an instance of it holds is in host.json. HTTP calls
      // are short and share their instances.
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        triggers: { http: { perInstanceConcurrency: 16 } }
        alwaysReady: alwaysReadyBlobInstances == 0 ? [] : [{ name: 'blob', instanceCount: alwaysReadyBlobInstances }]
      }
    }
  }
}

// Deployment goes by Entra ID only.
@batchSize(1)
resource noPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = [
  for door in ['scm', 'ftp']: {
    parent: app
    name: door
    properties: { allow: false }
  }
]

output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
