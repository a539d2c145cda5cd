// What happened, at a glance: runs, throughput against the limit, rejects and refusals by code, troubles.
param location string
param tags object
param applicationInsights string

var events = loadTextContent('../queries/events.kql')
var panels = [
  { title: 'Runs', query: loadTextContent('../queries/runs.kql'), chart: 'table' }
  { title: 'Imports per minute of each run, against what its connection allows', query: loadTextContent('../queries/throughput.kql'), chart: 'timechart' }
  { title: 'Imports of each minute against the limit, and seconds that the latest of them was late', query: loadTextContent('../queries/imports.kql'), chart: 'timechart' }
  { title: 'Rejected rows by code', query: loadTextContent('../queries/rejects.kql'), chart: 'barchart' }
  { title: 'Refused contacts by code', query: loadTextContent('../queries/refused.kql'), chart: 'barchart' }
  { title: 'Troubles', query: loadTextContent('../queries/troubles.kql'), chart: 'table' }
]
var period = {
  type: 9
  content: {
    version: 'KqlParameterItem/1.0'
    parameters: [
      {
        id: '5ce1f5bb-9d3c-4f0e-8a43-0b1a7c9f2d61'
        version: 'KqlParameterItem/1.0'
        name: 'Period'
        type: 4
        isRequired: true
        value: { durationMs: 604800000 }
        typeSettings: { selectableValues: [{ durationMs: 86400000 }, { durationMs: 604800000 }, { durationMs: 2592000000 }] }
      }
    ]
    style: 'pills'
    queryType: 0
    resourceType: 'microsoft.insights/components'
  }
  name: 'period'
}
var items = [
  for panel in panels: {
    type: 3
    content: {
      version: 'KqlItem/1.0'
      query: '${events}${panel.query}'
      size: 0
      title: panel.title
      timeContextFromParameter: 'Period'
      queryType: 0
      resourceType: 'microsoft.insights/components'
      visualization: panel.chart
    }
    name: panel.title
  }
]

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsights
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'segment-courier')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Segment Courier'
    category: 'workbook'
    sourceId: insights.id
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([period], items)
      fallbackResourceIds: [insights.id]
    })
  }
}
