// Evaluates expressions with GitHub's published evaluator: one JSON {expr, contexts} a line in, one JSON result a
// line out: {"value": …} or {"error": …}. Numbers that JSON lacks come out as {"number": "NaN"}.
import { createInterface } from "readline";
import { Evaluator, Lexer, Parser, data } from "@actions/expressions";
import { reviver } from "@actions/expressions/data/reviver";

function plain(value) {
  switch (value.kind) {
    case data.Kind.Array:
      return value.values().map(plain);
    case data.Kind.Dictionary:
      return Object.fromEntries(value.pairs().map(pair => [pair.key, plain(pair.value)]));
    case data.Kind.Null:
      return null;
    case data.Kind.Number:
      return Number.isFinite(value.value) ? value.value : { number: String(value.value) };
    default:
      return value.value;
  }
}

function evaluate(expr, contexts) {
  const all = JSON.parse(JSON.stringify(contexts), reviver);
  const tree = new Parser(new Lexer(expr).lex().tokens, Object.keys(contexts), []).parse();
  return tree === undefined ? null : plain(new Evaluator(tree, all).evaluate());
}

for await (const line of createInterface({ input: process.stdin })) {
  const { expr, contexts } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ value: evaluate(expr, contexts) }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error.message) }));
  }
}
