// Buttons that copy the text of a part of the page: data-copy names its data-part.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const source = document.querySelector(`[data-part="${button.dataset.copy}"]`);
      try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = "Copied";
      } catch {
        // Only secure origins have a clipboard: the text is selected for Ctrl+C instead.
        getSelection().selectAllChildren(source);
        button.textContent = "Selected";
      }
    });
  }
});
