// What the scripts here share: `node <client>.mjs <url> <key> <scenario> <model>...` prints {model: what was found}.

export const [url, key, scenario, ...models] = process.argv.slice(2);
export const say = (content) => [{ role: "user", content }];
export const HELLO = say("Hello there");
export const WEATHER = say("weather in Oslo and Rome?");
export const CITY = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

export async function play(scenarios) {
  const found = {};
  for (const model of models) found[model] = await scenarios[scenario](model);
  console.log(JSON.stringify(found));
}

/** How a call failed, in the client's own class. */
export async function failure(call) {
  try {
    await call;
  } catch (error) {
    return { name: error.constructor.name, status: error.status ?? error.statusCode, message: error.message };
  }
  throw new Error("the call was expected to fail");
}
