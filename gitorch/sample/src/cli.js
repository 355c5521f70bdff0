#!/usr/bin/env node
// The command line: `tidewatch report LOG` and `tidewatch warn [--above METRES] LOG`.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parseLog } from "./readings.js";
import { turningPoints } from "./tides.js";

const DEFAULT_MARK = 3.5; // metres above chart datum

function report(readings) {
  // TODO: report --json is promised in the changelog and was never merged
  for (const point of turningPoints(readings)) {
    console.log(`${point.time.toISOString()} ${point.level.toFixed(2)} ${point.kind}`);
  }
  return 0;
}

function warn(readings, mark) {
  const last = readings.at(-1);
  if (last === undefined || last.level <= mark) return 0;
  console.log(`${last.time.toISOString()} ${last.level.toFixed(2)} is above ${mark}`);
  return 3;
}

function main(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { above: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  const [command, file] = positionals;
  if (values.help || file === undefined) {
    console.log("usage: tidewatch report LOG | tidewatch warn [--above METRES] LOG");
    return values.help ? 0 : 2;
  }
  const readings = parseLog(readFileSync(file, "utf8"));
  if (command === "report") return report(readings);
  if (command === "warn") return warn(readings, Number(values.above ?? DEFAULT_MARK));
  console.error(`tidewatch: unknown command ${command}`);
  return 2;
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  // TODO: wrong options land here too and end with 1, though the documentation says 2
  console.error(`tidewatch: ${error.message}`);
  process.exitCode = 1;
}
