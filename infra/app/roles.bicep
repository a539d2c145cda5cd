// Who may do what in our own resource group; the roles on drops are in drops.bicep. Why: each description.
param principalId string
param stateAccount string
param vault string
param applicationInsights string
param storeKeysThroughApi bool
param administratorPrincipalId string
param administratorPrincipalType string

var blobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var queueDataContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6'
var secretsOfficer = 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
var metricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

resource state 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: stateAccount
}

resource secrets 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vault
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsights
}

resource ownState 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: state
  name: guid(state.id, principalId, blobDataOwner)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataOwner)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'The Functions host keeps locks and keys in containers it creates; Segment Courier keeps its documents here.'
  }
}

resource useQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: state
  name: guid(state.id, principalId, queueDataContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', queueDataContributor)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'Queue triggers receive and delete, steps send, and the host creates its own queue for dropped blobs.'
  }
}

resource readSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: secrets
  name: guid(secrets.id, principalId, secretsUser)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'Reads the API keys of connections and the addresses of webhooks.'
  }
}

resource writeSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (storeKeysThroughApi) {
  scope: secrets
  name: guid(secrets.id, principalId, secretsOfficer)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsOfficer)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'PUT /connections may carry an API key, which is stored here and nowhere else.'
  }
}

resource publishTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: insights
  name: guid(insights.id, principalId, metricsPublisher)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisher)
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'Sends logs and metrics; Application Insights takes nothing from anybody without this role.'
  }
}

resource administrate 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(administratorPrincipalId)) {
  scope: secrets
  name: guid(secrets.id, administratorPrincipalId, secretsOfficer)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsOfficer)
    principalId: administratorPrincipalId
    principalType: administratorPrincipalType
    description: 'The administrator stores and rotates API keys.'
  }
}
