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
  // Folded cells are named by the words that are seen, not by another text.
  for (const summary of document.querySelectorAll("details.hide > summary[aria-label]")) {
    summary.removeAttribute("aria-label");
  }
});
