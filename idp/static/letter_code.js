// The code of a letter that was scanned stands in the address after #, which no browser sends to anybody. It goes into
// the field, and out of the address and the history. Without this script the code is typed.
"use strict";

{
  const field = document.getElementById("letter-code");
  const scanned = decodeURIComponent(location.hash.slice(1));
  if (field && /^[0-9A-Za-z-]{24,40}$/.test(scanned)) {
    field.value = scanned.replaceAll("-", "").replace(/(.{4})(?=.)/g, "$1-").toUpperCase();
    history.replaceState(null, "", location.pathname + location.search);
    field.form.querySelector("button[type=submit]").focus();
  }
}
