// What the app needs in the account that drops arrive in, whoever owns it. Deployed into that account's group.
param account string
param segmentsContainer string
param principalId string
param customerInsightsPrincipalId string

var blobDataReader = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
var blobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var blobDelegator = 'db58b8e5-c6ad-4a2a-8342-4190687cbf4a'
var queueDataContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'

resource drops 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: account
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' existing = {
  parent: drops
  name: 'default'
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' existing = {
  parent: drops
  name: 'default'
}

resource segments 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = {
  parent: blobs
  name: segmentsContainer
  properties: { publicAccess: 'None' }
}

// The blob trigger gives up on a blob in the account that the blob is in.
resource poison 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' = {
  parent: queueService
  name: 'webjobs-blobtrigger-poison'
}

resource readDrops 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: segments
  name: guid(segments.id, principalId, blobDataReader)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataReader)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'Segment Courier lists and reads the drops, and never changes one.'
  }
}

resource answerPoison 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: poison
  name: guid(poison.id, principalId, queueDataContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueDataContributor)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'The Functions host moves events it gave up on into this queue, and Segment Courier answers them.'
  }
}

resource customerInsightsWrites 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(customerInsightsPrincipalId)) {
  scope: segments
  name: guid(segments.id, customerInsightsPrincipalId, blobDataContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
    principalId: customerInsightsPrincipalId
    principalType: 'ServicePrincipal'
    description: 'Customer Insights writes segment exports into this container.'
  }
}

resource customerInsightsDelegates 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(customerInsightsPrincipalId)) {
  scope: drops
  name: guid(drops.id, customerInsightsPrincipalId, blobDelegator)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDelegator)
    principalId: customerInsightsPrincipalId
    principalType: 'ServicePrincipal'
    description: 'Customer Insights signs its own short-lived access to the container it may write.'
  }
}

output id string = drops.id
output blobs string = drops.properties.primaryEndpoints.blob
output queues string = drops.properties.primaryEndpoints.queue
output location string = drops.location
