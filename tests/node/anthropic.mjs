// The official Anthropic client. See play.mjs for how it is called.

import Anthropic from "@anthropic-ai/sdk";
import { CITY, HELLO, WEATHER, failure, key, play, say, url } from "./play.mjs";

const client = new Anthropic({ baseURL: url, apiKey: key });
const TOOLS = [{ name: "weather", input_schema: CITY }];

function told(message) {
  const text = message.content.map((block) => block.text ?? "").join("");
  const calls = message.content.filter((block) => block.type === "tool_use");
  return { text, stop_reason: message.stop_reason, calls, usage: message.usage };
}

const asked = (model, messages, more = {}) => ({ model, max_tokens: 100, messages, ...more });
const streamed = async (body) => told(await client.messages.stream(body).finalMessage());

await play({
  whole: async (model) => told(await client.messages.create(asked(model, HELLO))),
  streamed: (model) => streamed(asked(model, HELLO)),
  silence: (model) => streamed(asked(model, say("silence"))),
  cut: (model) => failure(streamed(asked(model, say("cut")))),
  tools: (model) => streamed(asked(model, WEATHER, { tools: TOOLS })),
  errors: async (model) => ({
    key: await failure(new Anthropic({ baseURL: url, apiKey: "gw-wrong" }).messages.create(asked(model, HELLO))),
    model: await failure(client.messages.create(asked("nothing", HELLO))),
    limit: await failure(client.messages.create(asked(model, say("refuse 429")))),
  }),
  count: async (model) => (await client.messages.countTokens({ model, messages: HELLO })).input_tokens,
  models: async () => (await client.models.list()).data.map((one) => one.id),
});
