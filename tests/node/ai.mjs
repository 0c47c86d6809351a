// The `ai` package, over its provider for each dialect: `chat`, `responses` or `messages` before the model's name.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { Output, embed, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { CITY, failure, key, play, url } from "./play.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;
// Without `store: false` the second turn of responses names what the first gave by ids, which only OpenAI keeps.
const ASKED = { maxOutputTokens: 100, maxRetries: 0, providerOptions: { openai: { store: false } } };
const REPORT = {
  type: "object",
  properties: { city: { type: "string" }, celsius: { type: "number" } },
  required: ["city", "celsius"],
  additionalProperties: false,
};

function of(name, apiKey = key) {
  const [api, model] = [name.slice(0, name.indexOf(":")), name.slice(name.indexOf(":") + 1)];
  const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey });
  const anthropic = createAnthropic({ baseURL: `${url}/v1`, apiKey });
  return { chat: openai.chat, responses: openai.responses, messages: anthropic }[api](model);
}

async function streamed(model, prompt) {
  const errors = [];
  const onError = ({ error }) => errors.push(String(error.message ?? error));
  const stream = streamText({ model: of(model), prompt, ...ASKED, onError });
  let text = "";
  for await (const piece of stream.textStream) text += piece;
  return { text, errors, finish: await stream.finishReason, usage: await stream.usage };
}

async function tools(model) {
  const asked = [];
  const weather = tool({
    inputSchema: jsonSchema(CITY),
    execute: async ({ city }) => (asked.push(city), `sunny in ${city}`),
  });
  const prompt = "weather in Oslo and Rome?";
  const stream = streamText({ model: of(model), prompt, tools: { weather }, ...ASKED, stopWhen: stepCountIs(3) });
  return { text: await stream.text, asked, steps: (await stream.steps).length };
}

await play({
  whole: async (model) => {
    const found = await generateText({ model: of(model), prompt: "Hello there", ...ASKED });
    return { text: found.text, finish: found.finishReason, usage: found.usage };
  },
  streamed: (model) => streamed(model, "Hello there"),
  silence: (model) => streamed(model, "silence"),
  cut: (model) => streamed(model, "cut"),
  tools,
  object: async (model) => {
    const output = Output.object({ schema: jsonSchema(REPORT) });
    return (await generateText({ model: of(model), prompt: "Report.", ...ASKED, output })).output;
  },
  errors: async (model) => {
    const once = { ...ASKED, prompt: "Hello there" };
    return {
      key: await failure(generateText({ ...once, model: of(model, "gw-wrong") })),
      model: await failure(generateText({ ...once, model: of(`${model.split(":")[0]}:nothing`) })),
      limit: await failure(generateText({ ...once, model: of(model), prompt: "refuse 429" })),
    };
  },
  embeddings: async (model) => {
    const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: key });
    return (await embed({ model: openai.embedding(model), value: "Hello there", maxRetries: 0 })).embedding;
  },
});
