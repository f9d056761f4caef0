// A hosted form's own script. Without it the form is one long page. It counts how the form is filled, never what is typed; shows
// one step after the other; proves work when the form is under attack; and tells an embedding page how high it is.
(function () {
  "use strict";
  var started = performance.now();
  var body = document.body;
  var form = document.querySelector("form");

  // The height, to the page that may embed this form and no other.
  var parentOrigin = body.getAttribute("data-parent");
  if (parentOrigin && window.parent !== window) {
    var tell = function () {
      var height = document.documentElement.getBoundingClientRect().height;
      window.parent.postMessage({ type: "clearlead:height", form: body.getAttribute("data-form"), height: height }, parentOrigin);
    };
    new ResizeObserver(tell).observe(document.documentElement);
    tell();
  }
  var summary = document.getElementById("errors");
  if (summary) summary.focus();
  if (!form) return;

  // Counts.
  var report = { fields: {}, focus_changes: 0, pointers: 0, returns: 0, hints: [] };
  var hint = function (name) {
    if (report.hints.indexOf(name) < 0) report.hints.push(name);
  };
  var of = function (event) {
    var name = event.target && event.target.name;
    if (!name || name.charAt(0) === "_") return null;
    if (!report.fields[name]) report.fields[name] = { keys: 0, pastes: 0, focuses: 0, changes: 0, touched: false };
    return report.fields[name];
  };
  var on = function (type, count) {
    form.addEventListener(type, function (event) {
      if (!event.isTrusted) return hint("SYNTHETIC_EVENTS");
      var field = of(event);
      if (field) count(field, event);
    }, true);
  };
  // Keys that only move about type nothing.
  var moving = ["Tab", "Shift", "Control", "Alt", "Meta", "Escape", "CapsLock"];
  on("keydown", function (field, event) {
    if (moving.indexOf(event.key) >= 0) return;
    field.keys += 1;
    field.touched = true;
  });
  on("paste", function (field) { field.pastes += 1; field.touched = true; });
  on("drop", function (field) { field.pastes += 1; field.touched = true; });
  on("focus", function (field) { field.focuses += 1; report.focus_changes += 1; });
  on("change", function (field) { if (!field.touched) field.changes += 1; });
  addEventListener("pointerdown", function (event) { if (event.isTrusted) report.pointers += 1; }, true);
  document.addEventListener("visibilitychange", function () { if (!document.hidden) report.returns += 1; });

  var plain = function (url) {
    try { var parsed = new URL(url); return parsed.origin + parsed.pathname; } catch (error) { return null; }
  };
  var written = function () {
    if (navigator.webdriver) hint("WEBDRIVER");
    if (/Headless/i.test(navigator.userAgent)) hint("HEADLESS_AGENT");
    if (!navigator.languages || navigator.languages.length === 0) hint("NO_LANGUAGES");
    if (window.outerWidth === 0 && window.outerHeight === 0) hint("NO_WINDOW");
    var fields = {};
    Object.keys(report.fields).forEach(function (name) {
      var field = report.fields[name];
      fields[name] = { keys: field.keys, pastes: field.pastes, focuses: field.focuses, changes: field.changes };
    });
    var embedding = new URLSearchParams(location.search).get("page");
    var zone = null;
    try { zone = Intl.DateTimeFormat().resolvedOptions().timeZone; } catch (error) { zone = null; }
    return JSON.stringify({
      fields: fields, focus_changes: report.focus_changes, pointers: report.pointers, returns: report.returns, hints: report.hints,
      millis: Math.round(performance.now() - started), page: plain(embedding || location.href), referrer: plain(document.referrer), zone: zone
    });
  };
  form.addEventListener("submit", function () { form.elements._report.value = written(); });

  // One step after the other.
  var steps = Array.prototype.slice.call(form.querySelectorAll("fieldset.step"));
  var at = 0;
  var show = function (index, focus) {
    at = index;
    steps.forEach(function (step, other) { step.hidden = other !== index; });
    if (focus) {
      var first = steps[index].querySelector("input:not([type=hidden]), select, textarea");
      if (first) first.focus();
    }
  };
  var complain = function (control) {
    var id = "m-" + control.name;
    var message = document.getElementById(id);
    if (!message) {
      message = document.createElement("p");
      message.id = id;
      message.className = "error";
      message.textContent = form.getAttribute("data-missing");
      control.parentNode.insertBefore(message, control);
    }
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-describedby", id);
  };
  var complete = function () {
    var missing = Array.prototype.filter.call(steps[at].querySelectorAll("[required]"), function (control) {
      return control.type !== "checkbox" && !control.value.trim();
    });
    missing.forEach(complain);
    if (missing.length) missing[0].focus();
    return missing.length === 0;
  };
  var button = function (label, act) {
    var made = document.createElement("button");
    made.type = "button";
    made.className = "plain";
    made.textContent = label;
    made.addEventListener("click", act);
    return made;
  };
  var forward = function () { if (complete()) show(at + 1, true); };
  if (steps.length > 1) {
    steps.forEach(function (step, index) {
      var place = document.createElement("p");
      place.className = "mark";
      place.textContent = form.getAttribute("data-step").replace("{n}", index + 1).replace("{all}", steps.length);
      var legend = step.querySelector(":scope > legend");
      if (!legend || legend.textContent !== place.textContent) step.insertBefore(place, legend ? legend.nextSibling : step.firstChild);
      var buttons = step.querySelector(":scope > .buttons") || step.appendChild(document.createElement("p"));
      buttons.className = "buttons";
      if (index > 0) buttons.insertBefore(button(form.getAttribute("data-back"), function () { show(at - 1, true); }), buttons.firstChild);
      if (index < steps.length - 1) buttons.appendChild(button(form.getAttribute("data-next"), forward));
    });
    form.addEventListener("keydown", function (event) {
      var tag = event.target.tagName;
      if (event.key === "Enter" && at < steps.length - 1 && (tag === "INPUT" || tag === "SELECT")) {
        event.preventDefault();
        forward();
      }
    });
    Array.prototype.forEach.call(document.querySelectorAll("#errors a"), function (link) {
      link.addEventListener("click", function (event) {
        var control = document.getElementById(link.getAttribute("href").slice(1));
        var owner = steps.findIndex(function (step) { return step.contains(control); });
        if (owner < 0) return;
        event.preventDefault();
        show(owner, false);
        control.focus();
      });
    });
    var wrong = steps.findIndex(function (step) { return step.querySelector("[aria-invalid]"); });
    show(wrong < 0 ? 0 : wrong, false);
  }

  // Work: the first number whose SHA-256 behind the challenge begins with enough zero bits, in slices, so that the page stays alive.
  var bits = Number(form.getAttribute("data-work") || 0);
  if (!bits) return;
  var K = [], H0 = [];
  var root = function (n, power) { return (Math.pow(n, power) % 1) * 4294967296 | 0; };
  for (var n = 2; K.length < 64; n += 1) {
    var prime = true;
    for (var d = 2; d * d <= n; d += 1) if (n % d === 0) { prime = false; break; }
    if (!prime) continue;
    if (H0.length < 8) H0.push(root(n, 1 / 2));
    K.push(root(n, 1 / 3));
  }
  var turn = function (x, by) { return (x >>> by) | (x << (32 - by)); };
  var w = new Int32Array(64);
  // Of an ASCII text shorter than 120 characters: the first two words of its digest.
  var digest = function (text) {
    var blocks = text.length > 55 ? 2 : 1;
    var words = new Int32Array(blocks * 16);
    for (var i = 0; i < text.length; i += 1) words[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i & 3));
    words[text.length >> 2] |= 0x80 << (24 - 8 * (text.length & 3));
    words[blocks * 16 - 1] = text.length * 8;
    var h = H0.slice();
    for (var block = 0; block < blocks; block += 1) {
      for (i = 0; i < 64; i += 1) {
        if (i < 16) { w[i] = words[block * 16 + i]; continue; }
        var a = w[i - 15], b = w[i - 2];
        w[i] = (w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)) + w[i - 7] + (turn(b, 17) ^ turn(b, 19) ^ (b >>> 10))) | 0;
      }
      var s = h.slice();
      for (i = 0; i < 64; i += 1) {
        var e = s[4], one = (s[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + K[i] + w[i]) | 0;
        var f = s[0], two = ((turn(f, 2) ^ turn(f, 13) ^ turn(f, 22)) + ((f & s[1]) ^ (f & s[2]) ^ (s[1] & s[2]))) | 0;
        s = [(one + two) | 0, s[0], s[1], s[2], (s[3] + one) | 0, s[4], s[5], s[6]];
      }
      for (i = 0; i < 8; i += 1) h[i] = (h[i] + s[i]) | 0;
    }
    return h;
  };
  var zeros = function (h) {
    var first = Math.clz32(h[0]);
    return first < 32 ? first : 32 + Math.clz32(h[1]);
  };
  var send = form.querySelector("button[type=submit]");
  send.disabled = true;
  send.setAttribute("aria-busy", "true");
  var next = 0;
  var slice = function () {
    var until = performance.now() + 40;
    while (performance.now() < until) {
      for (var i = 0; i < 50; i += 1, next += 1) {
        if (zeros(digest(form.getAttribute("data-challenge") + ":" + next)) >= bits) {
          form.elements._work.value = String(next);
          send.disabled = false;
          send.removeAttribute("aria-busy");
          return;
        }
      }
    }
    setTimeout(slice, 0);
  };
  slice();
})();
