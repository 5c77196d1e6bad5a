// What both explorers share: reading the page's table, controls with labels, a chart, and results in words.
const explorer = (() => {
  const root = document.getElementById("explorer");
  const table = JSON.parse(document.getElementById("explorer-data").textContent);
  const controls = root.querySelector(".explorer-controls");
  const results = root.querySelector("dl");

  function labelled(id, title, input) {
    const box = document.createElement("div"), label = document.createElement("label");
    const shown = document.createElement("output");
    label.htmlFor = input.id = id;
    shown.htmlFor = id;
    label.append(title + " ", shown);
    box.append(label, input);
    controls.append(box);
    return shown;
  }

  // Chooses among a few values: its position is a place in the list, its text the value.
  function slider(id, title, values, start, changed) {
    const input = document.createElement("input");
    Object.assign(input, { type: "range", min: 0, max: values.length - 1, step: 1 });
    input.value = start;
    const shown = labelled(id, title, input);
    const tell = () => {
      shown.textContent = "= " + values[input.value];
      input.setAttribute("aria-valuetext", values[input.value]);
    };
    input.addEventListener("input", () => { tell(); changed(); });
    tell();
    return input;
  }

  function fill(input, names) {
    input.replaceChildren(...names.map((name, place) => new Option(name, place)));
  }

  function select(id, title, names, changed) {
    const input = document.createElement("select");
    fill(input, names);
    labelled(id, title, input);
    input.addEventListener("change", changed);
    return input;
  }

  function tell(pairs) {
    results.replaceChildren(...pairs.map(([id, title, value]) => {
      const box = document.createElement("div"), name = document.createElement("dt"), text = document.createElement("dd");
      name.textContent = title;
      text.textContent = value;
      text.id = id;
      box.append(name, text);
      return box;
    }));
  }

  // Resolves to a function that replaces the rows of the chart's data sets.
  async function chart(specification, name) {
    const view = (await vegaEmbed(root.querySelector(".explorer-view"), specification, {
      mode: "vega-lite",
      renderer: "svg",
      downloadFileName: name,
      actions: { export: true, source: false, compiled: false, editor: false },
    })).view;
    document.documentElement.classList.add("explorer-live");
    root.querySelector(".explorer-view summary").setAttribute("aria-label", "Save the chart");
    // Vega watches the window only, and the page's columns go on moving after the window has its new size.
    new ResizeObserver(() => window.dispatchEvent(new Event("resize"))).observe(view.container());
    return (data) => {
      for (const [key, rows] of Object.entries(data)) view.change(key, vega.changeset().remove(() => true).insert(rows));
      // New numbers have other axis labels: lay the chart out again, or titles are cut.
      return view.runAsync().then(() => view.resize().runAsync());
    };
  }

  root.hidden = false;
  return { table, slider, select, fill, tell, chart, colours: JSON.parse(root.dataset.colours) };
})();
