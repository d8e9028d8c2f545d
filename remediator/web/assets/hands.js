// Lets the clocks of the board run and ticks what time alone meets, and gives the list
// of approvals keys: j and k move, a approves, d denies with a reason, both only what
// has the focus. Without this file, the forms do the same.
(function () {
  "use strict";
  function tick() {
    document.querySelectorAll("[data-until]").forEach(function (clock) {
      var left = Math.floor((Date.parse(clock.dataset.until) - Date.now()) / 1000);
      if (isNaN(left)) { return; }
      var past = left < 0, s = Math.abs(left);
      var text = Math.floor(s / 60) + ":" + String(s % 60).padStart(2, "0") + " min";
      clock.textContent = past ? "over for " + text : "in " + text;
    });
    document.querySelectorAll(".unmet[data-from]").forEach(function (asked) {
      if (!(Date.parse(asked.dataset.from) <= Date.now())) { return; }
      asked.className = "met";
      asked.querySelector("[aria-hidden]").textContent = "●";
      asked.querySelector(".hidden").textContent = "done:";
    });
  }
  setInterval(tick, 1000);
  tick();

  var at = "";
  function picks() { return Array.prototype.slice.call(document.querySelectorAll(".pick")); }
  function current() { return document.getElementById(at); }
  function focused() { return document.activeElement && document.activeElement.closest(".pick"); }
  function mark() {
    picks().forEach(function (p) { p.id === at ? p.setAttribute("aria-current", "true") : p.removeAttribute("aria-current"); });
  }
  function move(by) {
    var all = picks(), now = all.indexOf(current());
    if (!all.length) { return; }
    if (!focused()) { by = 0; } // first back to where it was
    var next = all[now < 0 ? 0 : Math.min(Math.max(now + by, 0), all.length - 1)];
    at = next.id;
    mark();
    next.focus();
    next.scrollIntoView({block: "nearest"});
  }
  document.addEventListener("focusin", function (event) {
    var pick = event.target.closest && event.target.closest(".pick");
    if (pick) { at = pick.id; mark(); }
  });
  var held = false; // a pick has the focus while the page is changed
  document.addEventListener("htmx:beforeSwap", function () { held = !!focused(); });
  document.addEventListener("htmx:afterSwap", function () {
    mark();
    tick();
    if (held && !focused() && current()) { current().focus({preventScroll: true}); }
  });
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) { return; }
    var pick = focused(), press;
    switch (event.key) {
    case "j": move(1); break;
    case "k": move(-1); break;
    case "a":
      press = pick && pick.querySelector("button[data-key=a]");
      if (press) { press.form.requestSubmit(press); }
      break;
    case "d":
      press = pick && pick.querySelector("details[data-key=d]");
      if (press) { press.open = true; press.querySelector("textarea").focus(); }
      break;
    default: return;
    }
    event.preventDefault();
  });
})();
