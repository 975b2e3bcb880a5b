// Small comforts. Every page works without them; nothing here decides anything.
"use strict";

// An answer is sent once, however often the button is pressed. A page that comes back from the browser's
// cache may be sent again.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    const button = event.submitter;
    if (button) button.setAttribute("aria-disabled", "true");
  });
}
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
});

// The summary of errors takes the focus, so that a screen reader says it first.
document.getElementById("error-summary")?.focus();

// Seconds to wait, counted down for the eye; a screen reader hears the first number and the end.
for (const wait of document.querySelectorAll("[data-seconds]")) {
  const end = Date.now() + Number(wait.dataset.seconds) * 1000;
  const timer = setInterval(() => {
    const left = Math.ceil((end - Date.now()) / 1000);
    if (left > 0) {
      wait.textContent = String(left);
      return;
    }
    clearInterval(timer);
    const over = wait.closest("[data-wait]")?.querySelector("[data-wait-over]");
    wait.closest("[data-wait-running]")?.setAttribute("hidden", "");
    over?.removeAttribute("hidden");
  }, 250);
}

// Show and hide what is typed as a password.
for (const button of document.querySelectorAll("button[data-shows]")) {
  const input = document.getElementById(button.dataset.shows);
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = input.type === "text";
    input.type = shown ? "password" : "text";
    button.textContent = shown ? button.dataset.show : button.dataset.hide;
  });
  // A password is never left as plain text for the browser to remember.
  input.form.addEventListener("submit", () => { input.type = "password"; });
}

// Copy what is shown: a reference number, a secret, a list of codes.
for (const button of document.querySelectorAll("button[data-copies]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent.trim());
    button.querySelector("[data-label]").textContent = button.dataset.copied;
  });
}

// Print what is shown once.
for (const button of document.querySelectorAll("button[data-prints]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// The way back to the service by form_post.
document.querySelector("form[data-sends-itself]")?.requestSubmit();
