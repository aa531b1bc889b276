// Runs the remediation modules of the Ed-Fi API Publisher for Syncline, unchanged.
//
//   node adapter.cjs remediations.js
//
// A module exports functions by the names of what they mend, such as '/ed-fi/staffs/400'. The first
// line that is written says these names. Then each line that is read is a request, and the line
// that answers it is what the function of that name gave: null, or an object with
// modifiedRequestBody, additionalRequests, or both. A function gives it by returning it, or a promise
// of it; one of two parameters, (callback, failure), by calling back with (error, result).
// Standard output belongs to these lines; what a module prints goes to standard error.
'use strict';

const path = require('node:path');
const readline = require('node:readline');

const write = (value) => process.stdout.write((JSON.stringify(value) ?? 'null') + '\n');
for (const name of ['log', 'info', 'debug']) {
  console[name] = console.error;
}

const file = process.argv[process.argv.length - 1];
const remediations = require(path.resolve(file));
const isNamed = (name) => typeof remediations[name] === 'function';
const names = Object.keys(Object(remediations)).filter(isNamed);
if (names.length === 0) {
  console.error(`${file} exports no functions by the names of what they mend`);
  process.exit(1);
}
write({ names });

// What a function gives for a failure. An asynchronous function takes no callback.
const given = (mend, failure) => {
  if (mend.length < 2 || mend.constructor.name === 'AsyncFunction') {
    return mend(failure);
  }
  return new Promise((resolve, reject) => {
    mend((error, result) => (error ? reject(error) : resolve(result)), failure);
  });
};

const answer = async ({ name, ...failure }) => {
  try {
    write((await given(remediations[name], failure)) ?? null);
  } catch (error) {
    // The message may hold what is in the record; it is for standard error only.
    console.error(error);
    write({ error: error instanceof Error ? error.name : 'error' });
  }
};

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    await answer(JSON.parse(line));
  }
})();
