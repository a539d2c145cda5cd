// Event Grid tells the app of every blob that arrives in the drops container. Deployed into the account's group, once
// the code runs: the key of the webhook exists, and its handshake is answered, only then.
param token string
param location string
param tags object
param account string
param existingTopic string
param segmentsContainer string
param functionAppGroup string
param functionApp string

var ownTopic = empty(existingTopic)
var topicName = ownTopic ? 'evgt-courier-${token}' : existingTopic

resource drops 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: account
}

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: functionApp
  scope: resourceGroup(functionAppGroup)
}

resource host 'Microsoft.Web/sites/host@2024-04-01' existing = {
  parent: app
  name: 'default'
}

// An account can have one system topic only, in its own region.
resource topic 'Microsoft.EventGrid/systemTopics@2022-06-15' = if (ownTopic) {
  name: 'evgt-courier-${token}'
  location: location
  tags: tags
  properties: {
    source: drops.id
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

resource blobCreated 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2022-06-15' = {
  name: '${topicName}/courier-drops'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated']
      subjectBeginsWith: '/blobServices/default/containers/${segmentsContainer}/blobs/'
    }
    destination: {
      endpointType: 'WebHook'
      properties: {
        endpointUrl: 'https://${app.properties.defaultHostName}/runtime/webhooks/blobs?functionName=Host.Functions.segment_dropped&code=${host.listKeys().systemKeys.blobs_extension}'
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
      }
    }
    retryPolicy: {
      maxDeliveryAttempts: 30
      eventTimeToLiveInMinutes: 1440
    }
  }
  dependsOn: [topic]
}
