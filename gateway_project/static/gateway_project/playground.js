// The playground: sends the form, reads the answer's events, shows them as they come.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("playground");
  if (!form) return;
  const part = (name) => document.querySelector(`[data-part="${name}"]`);
  const send = part("send");
  const stop = part("stop");
  let leaving = null;

  const show = (name, text) => {
    part(name).textContent = text;
    part(name).closest("[data-hideable]")?.toggleAttribute("hidden", text === "");
  };
  const status = (text) => show("status", text);

  const clear = () => {
    for (const name of ["answer", "error", "curl", "python", "facts"]) show(name, "");
    for (const told of form.querySelectorAll("[data-error]")) told.remove();
    for (const field of form.elements) field.removeAttribute("aria-invalid");
    part("call").replaceChildren();
  };

  const refuse = (errors) => {
    const bad = [];
    for (const [name, texts] of Object.entries(errors)) {
      const field = form.elements[name];
      if (!name || !field) {
        show("error", texts.join(" "));
        continue;
      }
      const told = document.createElement("p");
      told.dataset.error = name;
      told.className = "gw-field-error";
      told.id = `error-${name}`;
      told.textContent = texts.join(" ");
      field.closest("[data-field]").append(told);
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", told.id);
      bad.push(field);
    }
    bad[0]?.focus();
    status("Not sent");
  };

  const milliseconds = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

  const fact = (name, value) => {
    const entry = document.createElement("div");
    const term = document.createElement("dt");
    const told = document.createElement("dd");
    term.textContent = name;
    told.textContent = value;
    entry.append(term, told);
    part("facts").append(entry);
  };

  const done = (told) => {
    const about = told.estimated ? "about " : "";
    part("facts").closest("[data-hideable]").removeAttribute("hidden");
    fact("Served by", `${told.provider}/${told.model}`);
    fact("Tokens in / out", `${about}${told.input_tokens} / ${told.output_tokens}`);
    fact("Latency", milliseconds(told.latency_ms));
    fact("Time to first token", told.first_token_ms === undefined ? "not streamed" : milliseconds(told.first_token_ms));
    fact("Finish reason", told.finish_reason);
    fact("Attempts", told.attempts);
    fact("Revision", told.revision);
    if (told.dropped.length) fact("Not carried to this provider", told.dropped.join(", "));
    status("Done");
  };

  const handlers = {
    request: (told) => {
      show("curl", told.curl);
      show("python", told.python);
    },
    call: (told) => {
      const link = document.createElement("a");
      link.href = told.url;
      link.textContent = told.call_id;
      part("call").replaceChildren("Call ", link);
    },
    message: (told) => {
      // The whole answer replaces its pieces: they are the same text.
      show("answer", told.request_id ? told.content : part("answer").textContent + told.content);
    },
    done,
    error: (told) => {
      show("error", `${told.message} (${told.status} ${told.code})`);
      status("Failed");
    },
  };

  // Gives whether the end of the call was told.
  const take = (block) => {
    let name = "message";
    const data = [];
    for (const line of block.split("\n")) {
      if (line.startsWith("event:")) name = line.slice(6).trim();
      if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
    }
    const text = data.join("\n");
    if (text && text !== "[DONE]") handlers[name]?.(JSON.parse(text));
    return name === "done" || name === "error";
  };

  const follow = async (body) => {
    const reader = body.getReader();
    const text = new TextDecoder();
    let rest = "";
    let over = false;
    for (;;) {
      const { value, done: ended } = await reader.read();
      if (ended) break;
      const blocks = (rest + text.decode(value, { stream: true })).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) over = take(block) || over;
    }
    if (!over) handlers.error({ message: "The connection ended before the answer did.", status: 0, code: "cut" });
  };

  const run = async () => {
    leaving = new AbortController();
    const answer = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { "X-Requested-With": "XMLHttpRequest" },
      signal: leaving.signal,
    });
    const kind = answer.headers.get("content-type") || "";
    if (kind.startsWith("text/event-stream")) return follow(answer.body);
    if (kind.startsWith("application/json")) return refuse((await answer.json()).errors || { "": ["Refused."] });
    show("error", answer.redirected ? "Your session has ended: log in again." : `Refused (${answer.status}).`);
    return status("Not sent");
  };

  form.addEventListener("submit", async (submitted) => {
    submitted.preventDefault();
    if (send.disabled) return;
    clear();
    status("Waiting for the answer…");
    send.disabled = true;
    stop.disabled = false;
    try {
      await run();
    } catch (error) {
      if (error.name === "AbortError") status("Stopped");
      else {
        show("error", "The gateway could not be reached.");
        status("Failed");
      }
    } finally {
      send.disabled = false;
      stop.disabled = true;
    }
  });
  stop.addEventListener("click", () => leaving?.abort());
  form.addEventListener("keydown", (pressed) => {
    if (pressed.key === "Enter" && (pressed.ctrlKey || pressed.metaKey)) form.requestSubmit();
  });
});
