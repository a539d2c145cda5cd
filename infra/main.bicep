// Everything Segment Courier needs in Azure, in one resource group. What each part is for: infra/README.md.
targetScope = 'subscription'

@minLength(1)
@maxLength(64)
@description('Name of the azd environment; all names are derived from it.')
param environmentName string

@minLength(1)
@description('Region of everything. It must offer Flex Consumption: az functionapp list-flexconsumption-locations')
param location string

@description('Object id of the person or pipeline that stores API keys in the vault; empty for nobody.')
param administratorPrincipalId string = ''

@allowed(['User', 'Group', 'ServicePrincipal'])
@description('What administratorPrincipalId is.')
param administratorPrincipalType string = 'User'

@description('Lets PUT /connections store an API key in the vault; the app gets the one role that this needs.')
param storeKeysThroughApi bool = false

@minLength(3)
@maxLength(63)
@description('Container that drops arrive in; any name but that of the container of documents.')
param segmentsContainer string = 'segments'

@description('Name of an existing storage account that drops arrive in; empty for one of our own.')
param existingDropsAccount string = ''

@description('Resource group of the existing account, which is never ours.')
param existingDropsResourceGroup string = ''

@description('Event Grid system topic of the existing account, in its resource group, where it has one already.')
param existingDropsSystemTopic string = ''

@description('Object id of the service principal "Dynamics 365 AI for Customer Insights"; empty when something else drops.')
param customerInsightsPrincipalId string = ''

@description('Event Grid can only be connected to code that runs already: the postdeploy hook sets this.')
param dropEvents bool = false

@description('Closes storage and vault to the internet, and puts the app into a virtual network.')
param privateNetwork bool = false

@description('Who gets the alerts by mail; empty for nobody, and then there are no alert rules.')
param alertMail string = ''

@minValue(0)
@maxValue(48)
@description('Alert when no run has succeeded for that many hours; 0 for never. 26 suits a daily drop.')
param noSuccessHours int = 26

@description('NCRONTAB expression of six fields, UTC: when drops not yet exported are looked for.')
param refreshSchedule string = '0 0 3 * * *'

@minValue(0)
@maxValue(86400)
@description('Seconds in which a drop must stand still before it counts as whole.')
param dropSettleSeconds int = 120

@minValue(1)
@maxValue(3650)
@description('Days after which the app removes an ended run with its receipts and rejects.')
param runRetentionDays int = 30

@minValue(1)
@maxValue(3650)
@description('Days after which a drop is deleted from our own drops account.')
param dropRetentionDays int = 90

@minValue(30)
@maxValue(730)
@description('Days that the workspace keeps logs. The tables of Application Insights keep theirs for 90 days.')
param logRetentionDays int = 30

@allowed([512, 2048, 4096])
@description('Memory of an instance. Planning a million rows of a hundred columns takes up to 1.2 GB.')
param instanceMemoryMB int = 2048

@minValue(40)
@maxValue(1000)
@description('Most instances of the app. Pacing keeps any number within the limits of ActiveCampaign.')
param maximumInstanceCount int = 40

@minValue(0)
@maxValue(20)
@description('Instances kept warm for dropped blobs; 0 for none, and the first event of a drop waits for a cold start.')
param alwaysReadyBlobInstances int = 1

@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
@description('Redundancy of our storage accounts.')
param storageSku string = 'Standard_LRS'

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var stateContainer = 'courier'
var deploymentContainer = 'deployments'
var ownDrops = empty(existingDropsAccount)
var dropsAccount = ownDrops ? 'stdrops${token}' : existingDropsAccount
// A group of that name is not found, and the message of that error says what is missing.
var existingGroup = empty(existingDropsResourceGroup) ? 'EXISTING_DROPS_RESOURCE_GROUP-is-not-set' : existingDropsResourceGroup
var dropsGroup = ownDrops ? group.name : existingGroup

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'app/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-courier-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'app/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    retentionDays: logRetentionDays
  }
}

module state 'app/state.bicep' = {
  name: 'state'
  scope: group
  params: {
    name: 'ststate${token}'
    location: location
    tags: tags
    sku: storageSku
    public: !privateNetwork
    stateContainer: stateContainer
    deploymentContainer: deploymentContainer
    runRetentionDays: runRetentionDays
  }
}

module ownDropsAccount 'app/drops-account.bicep' = if (ownDrops) {
  name: 'drops-account'
  scope: group
  params: {
    name: dropsAccount
    location: location
    tags: tags
    sku: storageSku
    public: !privateNetwork
    segmentsContainer: segmentsContainer
    retentionDays: dropRetentionDays
  }
}

module drops 'app/drops.bicep' = {
  name: 'drops'
  scope: resourceGroup(dropsGroup)
  params: {
    account: dropsAccount
    segmentsContainer: segmentsContainer
    principalId: identity.outputs.principalId
    customerInsightsPrincipalId: customerInsightsPrincipalId
  }
  dependsOn: [ownDropsAccount]
}

module vault 'app/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    public: !privateNetwork
  }
}

module roles 'app/roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    principalId: identity.outputs.principalId
    stateAccount: state.outputs.name
    vault: vault.outputs.name
    applicationInsights: monitoring.outputs.applicationInsights
    storeKeysThroughApi: storeKeysThroughApi
    administratorPrincipalId: administratorPrincipalId
    administratorPrincipalType: administratorPrincipalType
  }
}

module network 'app/network.bicep' = if (privateNetwork) {
  name: 'network'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    stateAccount: state.outputs.id
    dropsAccount: drops.outputs.id
    vault: vault.outputs.id
  }
}

module functionApp 'app/function-app.bicep' = {
  name: 'function-app'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    identity: identity.outputs.id
    clientId: identity.outputs.clientId
    subnet: privateNetwork ? network!.outputs.appSubnet : ''
    stateBlobs: state.outputs.blobs
    stateQueues: state.outputs.queues
    dropsBlobs: drops.outputs.blobs
    dropsQueues: drops.outputs.queues
    vaultUrl: vault.outputs.url
    applicationInsightsConnection: monitoring.outputs.connection
    deploymentContainer: deploymentContainer
    segmentsContainer: segmentsContainer
    stateContainer: stateContainer
    refreshSchedule: refreshSchedule
    dropSettleSeconds: dropSettleSeconds
    runRetentionDays: runRetentionDays
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyBlobInstances: alwaysReadyBlobInstances
  }
  dependsOn: [roles]
}

module events 'app/drop-events.bicep' = if (dropEvents) {
  name: 'drop-events'
  scope: resourceGroup(dropsGroup)
  params: {
    token: token
    location: drops.outputs.location
    tags: tags
    account: dropsAccount
    existingTopic: existingDropsSystemTopic
    segmentsContainer: segmentsContainer
    functionAppGroup: group.name
    functionApp: functionApp.outputs.name
  }
}

module alerts 'app/alerts.bicep' = if (!empty(alertMail)) {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    applicationInsights: monitoring.outputs.applicationInsights
    mail: alertMail
    noSuccessHours: noSuccessHours
  }
}

module workbook 'app/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: tags
    applicationInsights: monitoring.outputs.applicationInsights
  }
}

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = tenant().tenantId
output COURIER_RESOURCE_GROUP string = group.name
output COURIER_APP string = functionApp.outputs.name
output COURIER_URL string = functionApp.outputs.url
output COURIER_VAULT string = vault.outputs.name
output COURIER_DROPS_ACCOUNT string = dropsAccount
output COURIER_SEGMENTS_CONTAINER string = segmentsContainer
output COURIER_STATE_ACCOUNT string = state.outputs.name
output COURIER_DROP_EVENTS bool = dropEvents
