// The code of a letter that was scanned stands in the address after #, which no browser sends to anybody. It goes into
// the field, and out of the address and the history. Where the field is on a later page, it waits in this tab until
// then. Without this script the code is typed.
"use strict";

{
  const kept = "letter-code";
  const field = document.getElementById("letter-code");
  const scanned = decodeURIComponent(location.hash.slice(1));
  let code = "";
  if (/^[0-9A-Za-z-]{24,40}$/.test(scanned)) {
    code = scanned.replaceAll("-", "").replace(/(.{4})(?=.)/g, "$1-").toUpperCase();
    history.replaceState(null, "", location.pathname + location.search);
  }
  try {
    if (code && !field) sessionStorage.setItem(kept, code);
    if (field) {
      code ||= sessionStorage.getItem(kept) ?? "";
      sessionStorage.removeItem(kept);
    }
  } catch {
    // A browser that keeps nothing for us: the code is typed.
  }
  if (field && code && !field.value) {
    field.value = code;
    field.form.querySelector("button[type=submit]").focus();
  }
}
