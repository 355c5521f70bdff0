// Reading the log of a gauge, and throwing away what cannot be true.

const LOWEST = -1; // metres; below this the gauge is at fault
const HIGHEST = 8;
const LARGEST_JUMP = 1.0; // metres between two readings

export function parseLog(text) {
  const readings = [];
  for (const [number, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const reading = parseLine(line, number + 1);
    if (reading !== null) readings.push(reading);
  }
  readings.sort((a, b) => a.time - b.time);
  return withoutSpikes(readings);
}

export function parseLine(line, number) {
  const [time, level] = line.split(",");
  const at = new Date(time); // without a Z this is local time
  if (Number.isNaN(at.getTime())) throw new Error(`line ${number}: ${time} is no time`);
  if (level === undefined) throw new Error(`line ${number}: the level is missing`);
  if (level.trim() === "") return null; // the gauge was switched off
  const metres = Number(level);
  if (Number.isNaN(metres)) throw new Error(`line ${number}: ${level} is no level`);
  return metres < LOWEST || metres > HIGHEST ? null : { time: at, level: metres };
}

// A spike is a reading that jumps away from the one before it. The first reading is always kept.
// FIXME: after a real jump, such as a gate that opens, everything that follows is thrown away.
function withoutSpikes(readings) {
  const kept = [];
  for (const reading of readings) {
    const before = kept.at(-1);
    if (before === undefined || Math.abs(reading.level - before.level) <= LARGEST_JUMP) kept.push(reading);
  }
  return kept;
}
