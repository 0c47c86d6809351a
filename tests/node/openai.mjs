// The official OpenAI client. See play.mjs for how it is called.

import OpenAI from "openai";
import { CITY, HELLO, WEATHER, failure, key, play, say, url } from "./play.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key });
const chats = client.chat.completions;
const TOOLS = [{ type: "function", function: { name: "weather", parameters: CITY } }];

function told(completion) {
  const { message, finish_reason } = completion.choices[0];
  const calls = (message.tool_calls ?? []).map((call) => call.function);
  return { text: message.content, finish_reason, calls, usage: completion.usage };
}

async function streamed(body) {
  return told(await chats.stream({ ...body, stream_options: { include_usage: true } }).finalChatCompletion());
}

await play({
  whole: async (model) => told(await chats.create({ model, messages: HELLO })),
  streamed: (model) => streamed({ model, messages: HELLO }),
  silence: (model) => streamed({ model, messages: say("silence") }),
  cut: (model) => failure(streamed({ model, messages: say("cut") })),
  tools: (model) => streamed({ model, messages: WEATHER, tools: TOOLS }),
  errors: async (model) => ({
    key: await failure(new OpenAI({ baseURL: `${url}/v1`, apiKey: "gw-wrong" }).models.list()),
    model: await failure(chats.create({ model: "nothing", messages: HELLO })),
    limit: await failure(chats.create({ model, messages: say("refuse 429") })),
  }),
  embeddings: async (model) => {
    const packed = await client.embeddings.create({ model, input: ["Hello there"] });
    const plain = await client.embeddings.create({ model, input: ["Hello there"], encoding_format: "float" });
    return { packed: packed.data[0].embedding, plain: plain.data[0].embedding, usage: packed.usage };
  },
  responses: async (model) => {
    const types = [];
    let text = "";
    let final;
    for await (const event of await client.responses.create({ model, input: "Hello there", stream: true })) {
      types.push(event.type);
      if (event.type === "response.output_text.delta") text += event.delta;
      if (event.type === "response.completed") final = event.response;
    }
    return { types, text, status: final.status, usage: final.usage };
  },
  models: async () => (await client.models.list()).data.map((one) => one.id),
});
