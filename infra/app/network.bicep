// Optional: storage and vault are reachable only from this network. ActiveCampaign and Application Insights are
// reached through the internet all the same.
param token string
param location string
param tags object
param stateAccount string
param dropsAccount string
param vault string

var storageSuffix = environment().suffixes.storage
var zones = [
  'privatelink.blob.${storageSuffix}'
  'privatelink.queue.${storageSuffix}'
  'privatelink.vaultcore.azure.net'
]
var doors = [
  { name: 'state-blob', target: stateAccount, group: 'blob', zone: 0 }
  { name: 'state-queue', target: stateAccount, group: 'queue', zone: 1 }
  { name: 'drops-blob', target: dropsAccount, group: 'blob', zone: 0 }
  { name: 'drops-queue', target: dropsAccount, group: 'queue', zone: 1 }
  { name: 'vault', target: vault, group: 'vault', zone: 2 }
]

resource closed 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: 'nsg-courier-${token}'
  location: location
  tags: tags
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: 'vnet-courier-${token}'
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.0.0.0/16'] }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: '10.0.0.0/24'
          networkSecurityGroup: { id: closed.id }
          delegations: [{ name: 'functions', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: '10.0.1.0/24'
          networkSecurityGroup: { id: closed.id }
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
    ]
  }
}

resource dns 'Microsoft.Network/privateDnsZones@2020-06-01' = [
  for zone in zones: {
    name: zone
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = [
  for (zone, number) in zones: {
    parent: dns[number]
    name: 'courier'
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: { id: network.id }
    }
  }
]

resource endpoints 'Microsoft.Network/privateEndpoints@2024-05-01' = [
  for door in doors: {
    name: 'pe-${door.name}-${token}'
    location: location
    tags: tags
    properties: {
      subnet: { id: '${network.id}/subnets/endpoints' }
      privateLinkServiceConnections: [
        {
          name: door.name
          properties: {
            privateLinkServiceId: door.target
            groupIds: [door.group]
          }
        }
      ]
    }
  }
]

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [
  for (door, number) in doors: {
    parent: endpoints[number]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: door.name
          properties: { privateDnsZoneId: dns[door.zone].id }
        }
      ]
    }
  }
]

output appSubnet string = '${network.id}/subnets/app'
