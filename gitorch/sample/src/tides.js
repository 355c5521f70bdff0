// Finding high and low water in a series of readings.

const WINDOW = 5; // readings in the median
const LONGEST_GAP = 20 * 60 * 1000; // milliseconds; a longer one cuts the series
const LEAST_RISE = 0.3; // metres; smaller waves are no tide

export function turningPoints(readings) {
  return pieces(readings).flatMap((piece) => search(smooth(piece)));
}

export function smooth(readings) {
  const half = Math.floor(WINDOW / 2);
  return readings.map((reading, at) => {
    const near = readings.slice(Math.max(0, at - half), at + half + 1).map((each) => each.level);
    near.sort((a, b) => a - b);
    return { time: reading.time, level: near[Math.floor(near.length / 2)] };
  });
}

function pieces(readings) {
  const result = [];
  let before = null;
  for (const reading of readings) {
    if (before === null || reading.time - before.time > LONGEST_GAP) result.push([]);
    result.at(-1).push(reading);
    before = reading;
  }
  return result;
}

// Walk along the curve and turn round wherever it has come back by LEAST_RISE from its extreme.
function search(curve) {
  const found = [];
  let extreme = curve[0];
  let rising = null; // not known until the level has moved
  for (const point of curve) {
    const moved = point.level - extreme.level;
    if (rising === null && Math.abs(moved) >= LEAST_RISE) rising = moved > 0;
    if (rising === true ? moved > 0 : rising === false && moved < 0) extreme = point;
    else if (rising !== null && Math.abs(moved) >= LEAST_RISE) {
      found.push({ ...extreme, kind: rising ? "high" : "low" });
      rising = !rising;
      extreme = point;
    }
  }
  return found;
}
