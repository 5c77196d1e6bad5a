// From a file, a browser refuses to fetch the pages for the excerpts of search results: list the titles alone.
if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

document.addEventListener("DOMContentLoaded", () => {
  // The theme opens a notebook's JSON in a tab; save it instead.
  for (const link of document.querySelectorAll(".btn-download-source-button")) {
    link.setAttribute("download", "");
    link.removeAttribute("target");
  }
  // The theme opens every button of the head in a tab; the page that says how to cite is one of the book.
  for (const link of document.querySelectorAll(".btn-cite-button")) {
    link.removeAttribute("target");
  }
  // On paper an address is added to the words of a link, but not where the words are the address.
  for (const link of document.querySelectorAll("a.reference.external")) {
    if (/^(https?:|doi:|arXiv:|10\.)/.test(link.textContent.trim())) {
      link.classList.add("says-address");
    }
  }
  // Folded cells are named by the words that are seen, not by another text.
  for (const summary of document.querySelectorAll("details.hide > summary[aria-label]")) {
    summary.removeAttribute("aria-label");
  }
});

document.addEventListener("DOMContentLoaded", () => {
  // The arrows of the contents have no words: say what they unfold.
  for (const summary of document.querySelectorAll("summary:has(> .toctree-toggle)")) {
    const link = summary.closest("li")?.querySelector("a");
    summary.setAttribute("aria-label", `Pages below ${link?.textContent.trim() ?? "this one"}`);
  }
});
