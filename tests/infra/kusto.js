// Reads {"tables": {name: columns}, "queries": {name: text}} and writes, per query, what Microsoft's own parser of the
// Kusto language objects to, and the columns of the result. The first argument is the folder of that parser.
const fs = require('fs');
const folder = process.argv[2];
require(`${folder}/bridge.min.js`);
require(`${folder}/Kusto.Language.Bridge.min.js`);
const { KustoCode, GlobalState, Symbols } = Kusto.Language;

const list = (items) => Array.from({ length: items.Count }, (_, place) => items.getItem(place));
const { tables, queries } = JSON.parse(fs.readFileSync(0, 'utf8'));
const symbols = Object.entries(tables).map(([name, columns]) => Symbols.TableSymbol.From(columns).WithName(name));
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor('logs', symbols));

const answers = Object.entries(queries).map(([name, text]) => {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const place = ({ Start, Length }) => text.substring(Start, Start + Length);
  const objections = list(code.GetDiagnostics()).map((found) => `${found.Message} [${place(found)}]`);
  const columns = code.ResultType?.Columns ? list(code.ResultType.Columns).map((column) => column.Name) : [];
  return [name, { objections, columns }];
});
process.stdout.write(JSON.stringify(Object.fromEntries(answers)));
