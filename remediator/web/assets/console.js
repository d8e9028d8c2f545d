// Says in the corner whether the page is live. Without this file, pages are read by
// loading them.
(function () {
  "use strict";
  var open = false, stale = false;
  function say() {
    var corner = document.getElementById("connection");
    var live = open && !stale;
    var text = live ? "Live" : "Not live: reload to see what changed since.";
    if (corner && corner.textContent !== text) {
      corner.textContent = text;
      corner.classList.toggle("live", live);
    }
  }
  document.addEventListener("htmx:sseOpen", function () {
    open = true;
    say();
  });
  ["htmx:sseError", "htmx:sseClose"].forEach(function (name) {
    document.addEventListener(name, function () {
      open = false;
      say();
    });
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    stale = !event.detail.successful;
    say();
  });
})();
