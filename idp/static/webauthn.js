// Drives every form with data-webauthn: asks the browser for a key, puts its answer into the form, sends it.
//   data-webauthn       create | get | get-conditional (get, offered by autofill from the start)
//   data-options        what the browser is told, as JSON of WebAuthn Level 3 §5.1.8
//   data-options-url    where newer options are had, once these are four minutes old
// Nothing here decides anything: the server verifies.
"use strict";

const RENEW_AFTER = 4 * 60 * 1000;

const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const toText = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// For browsers without parse…OptionsFromJSON and toJSON.
function parseByHand(options) {
  const parsed = { ...options, challenge: toBytes(options.challenge) };
  if (options.user) parsed.user = { ...options.user, id: toBytes(options.user.id) };
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    if (options[list]) parsed[list] = options[list].map((key) => ({ ...key, id: toBytes(key.id) }));
  }
  return parsed;
}

function writeByHand(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = toText(credential.response[name]);
  }
  return { id: credential.id, rawId: toText(credential.rawId), type: credential.type, response };
}

function parse(options, creates) {
  const native = creates ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
  return PublicKeyCredential[native] ? PublicKeyCredential[native](options) : parseByHand(options);
}

class Ceremony {
  constructor(form) {
    this.form = form;
    this.creates = form.dataset.webauthn === "create";
    this.button = form.querySelector("button[type=submit]");
    this.told(form.dataset.options);
  }

  told(json) {
    this.options = JSON.parse(json);
    this.toldAt = Date.now();
  }

  // Options whose challenge the server still knows.
  async fresh() {
    const address = this.form.dataset.optionsUrl;
    if (Date.now() - this.toldAt > RENEW_AFTER && address) {
      const answer = await fetch(address, { headers: { Accept: "application/json" }, cache: "no-store" });
      if (!answer.ok) throw new Error("no options");
      this.told(await answer.text());
    }
    return this.options;
  }

  async press() {
    if (this.busy || (this.form.noValidate ? false : !this.form.reportValidity())) return;
    this.busy = true;
    this.hideAll();
    this.button.setAttribute("aria-disabled", "true");
    Ceremony.stopOffering();
    try {
      const publicKey = parse(await this.fresh(), this.creates);
      const ask = this.creates ? "create" : "get";
      this.send(await navigator.credentials[ask]({ publicKey }));
    } catch (fault) {
      this.button.removeAttribute("aria-disabled");
      this.show(fault.name === "NotAllowedError" || fault.name === "AbortError" ? "cancelled" : "failed");
      this.offer();
    } finally {
      this.busy = false;
    }
  }

  // Autofill: keys stand in the list under the user ID until another ceremony begins.
  async offer() {
    if (this.form.dataset.webauthn !== "get-conditional") return;
    if (!await PublicKeyCredential.isConditionalMediationAvailable?.()) return;
    if (Ceremony.offering || this.busy) return;
    const offering = Ceremony.offering = new AbortController();
    const renewal = setTimeout(() => { Ceremony.stopOffering(); this.offer(); }, RENEW_AFTER + 1000);
    try {
      const publicKey = parse(await this.fresh(), false);
      this.send(await navigator.credentials.get({ publicKey, mediation: "conditional", signal: offering.signal }));
    } catch (fault) {
      // Nobody pressed anything, so nobody is told.
    } finally {
      clearTimeout(renewal);
      if (Ceremony.offering === offering) Ceremony.offering = null;
    }
  }

  static stopOffering() {
    Ceremony.offering?.abort();
    Ceremony.offering = null;
  }

  send(credential) {
    if (!credential) throw new Error("no credential");
    const answer = credential.toJSON ? credential.toJSON() : writeByHand(credential);
    this.form.querySelector("input[name=credential]").value = JSON.stringify(answer);
    this.form.dataset.sent = "yes";
    this.form.submit();
  }

  hideAll() {
    for (const name of ["cancelled", "failed"]) {
      this.form.querySelector(`[data-webauthn-${name}]`)?.setAttribute("hidden", "");
    }
  }

  show(name) {
    const text = this.form.querySelector(`[data-webauthn-${name}]`);
    if (!text) return;
    text.removeAttribute("hidden");
    text.tabIndex = -1;
    text.focus();
  }
}

for (const form of document.querySelectorAll("form[data-webauthn]")) {
  if (!window.PublicKeyCredential || !navigator.credentials) {
    form.querySelector("[data-webauthn-missing]")?.removeAttribute("hidden");
    form.querySelector("button[type=submit]").hidden = true;
    continue;
  }
  const ceremony = new Ceremony(form);
  // The press and not the submit: until there is an answer, nothing is sent.
  ceremony.button.addEventListener("click", (event) => {
    event.preventDefault();
    ceremony.press();
  });
  ceremony.offer();
}
