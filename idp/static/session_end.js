// Two minutes before the session ends, the page says so and offers to go on: one request begins the idle time anew, and
// nothing that was typed is lost. Without this script the page tells the time of the end, and the end is a sign-in.
"use strict";

{
  const warning = document.getElementById("session-ending");
  const ended = document.getElementById("session-ended");
  const stay = document.getElementById("stay");
  const idle = Number(warning.dataset.idle) * 1000;
  const last = Date.now() + Number(warning.dataset.absolute) * 1000;
  const before = 120_000;
  let end = Math.min(Date.now() + idle, last);

  const look = () => {
    const left = end - Date.now();
    warning.hidden = left > before || left <= 0;
    stay.hidden = last - end <= 0;
    ended.hidden = left > 0;
  };
  stay.addEventListener("click", async (event) => {
    event.preventDefault();
    try {
      const answer = await fetch(stay.href, { method: "HEAD", redirect: "manual", cache: "no-store" });
      if (!answer.ok) throw new Error("over");
      end = Math.min(Date.now() + idle, last);
      look();
    } catch {
      location.assign(stay.href);
    }
  });
  setInterval(look, 1000);
  look();
}
