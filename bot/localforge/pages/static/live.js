// Keeps what is marked data-live up to date while the page is looked at. Nothing needs this script: without it, reload.
"use strict";

(() => {
  const shown = new Map();  // id → the HTML last taken from the server

  function replace(old, fresh) {
    const chosen = document.getSelection();
    if (chosen && !chosen.isCollapsed && old.contains(chosen.anchorNode)) return;  // somebody is copying text here
    if (shown.get(old.id) === fresh.outerHTML) return;
    shown.set(old.id, fresh.outerHTML);
    for (const details of old.querySelectorAll("details[id]")) {
      const twin = [...fresh.querySelectorAll("details[id]")].find((one) => one.id === details.id);
      if (twin) twin.open = details.open;
    }
    old.replaceWith(document.adoptNode(fresh));
  }

  async function look() {
    const every = Number(document.body.dataset.refresh || 0) * 1000;
    if (!every) return;
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
        if (answer.ok) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          for (const old of document.querySelectorAll("[data-live]")) {
            const fresh = page.getElementById(old.id);
            if (fresh) replace(old, fresh);
          }
          if (page.body.dataset.refresh) document.body.dataset.refresh = page.body.dataset.refresh;
          else delete document.body.dataset.refresh;  // it has ended
        }
      } catch {
        // The forge is not there now; look again later.
      }
    }
    setTimeout(look, every);
  }

  for (const one of document.querySelectorAll("[data-live]")) shown.set(one.id, one.outerHTML);
  setTimeout(look, Number(document.body.dataset.refresh || 0) * 1000);
})();
