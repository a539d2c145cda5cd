// The app's own account: the host's locks and function keys, the deployed package, documents and messages.
param name string
param location string
param tags object
param sku string
param public bool
param stateContainer string
param deploymentContainer string
param runRetentionDays int

// The trigger of a queue never creates it, and the host creates a poison queue only when it needs one: the functions
// that answer poison messages would log errors until then.
var queueNames = [
  'export-runs'
  'export-runs-poison'
  'contact-batches'
  'contact-batches-poison'
  'run-watch'
  'run-watch-poison'
  'segment-drops'
  'segment-drops-poison'
]

// The app removes an expired run itself. This rule is the net below it, and leaves a held run two months for a person.
var netDays = runRetentionDays + 60

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  // checkov:skip=CKV_AZURE_206:Redundancy is the parameter storageSku. What is lost with it is sent once more by one full run.
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: public ? 'Enabled' : 'Disabled'
    networkAcls: {
      defaultAction: public ? 'Allow' : 'Deny'
      bypass: 'AzureServices'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {
    // Containers can be brought back. Blobs cannot: pacing and progress are rewritten every few seconds, each version
    // would be kept, and an address that was erased would live on in them.
    containerDeleteRetentionPolicy: { enabled: true, days: 7 }
    deleteRetentionPolicy: { enabled: false }
  }
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = [
  for container in [stateContainer, deploymentContainer]: {
    parent: blobs
    name: container
    properties: { publicAccess: 'None' }
  }
]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' = {
  parent: account
  name: 'default'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' = [
  for queue in queueNames: {
    parent: queueService
    name: queue
  }
]

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'expired-runs'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: ['${stateContainer}/runs/']
            }
            actions: {
              baseBlob: { delete: { daysAfterModificationGreaterThan: netDays } }
            }
          }
        }
      ]
    }
  }
}

output id string = account.id
output name string = account.name
output blobs string = account.properties.primaryEndpoints.blob
output queues string = account.properties.primaryEndpoints.queue
