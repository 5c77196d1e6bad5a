(async () => {
  const { table, select, fill, tell, chart, colours } = explorer;
  const sides = { in: "in class", out: "out of class" }, models = Object.keys(table.models);
  let draw = () => {};
  const run = select("run", "Run", table.runs.map((one) => one.title), () => { rename(); show(); });
  const node = select("node", "Output node", [], show);
  const model = select("model", "Feature model", Object.values(table.models), show);

  function rename() {
    fill(node, table.runs[run.value].nodes.map((one) => one.name));
  }

  function show() {
    const one = table.runs[run.value].nodes[node.value], name = models[model.value], predicted = one.models[name];
    if (!predicted) throw new Error(`the record of this run has no curves of ${name}`);
    tell([
      ["kl-predicted", "KL(in || out) predicted, nats", predicted.kl],
      ["kl-observed", "KL observed, nearest neighbour", `${one.observed.raw} (${one.observed.raw_low} to ${one.observed.raw_high})`],
      ["matched-predicted", "matched: estimate on predicted draws", predicted.matched],
      ["matched-observed", "matched: the same estimate on images", one.observed.matched + (one.saturated ? " (saturated)" : "")],
      ["auc-predicted", "area under the curve, predicted", predicted.auc],
      ["auc-observed", "area under the curve, observed", one.observed.auc],
    ]);
    const height = (value) => (value * one.peak) / table.top;
    const bars = [], lines = [];
    for (const [side, law] of Object.entries(sides)) {
      const counts = one.observed[side], width = (one.span[1] - one.span[0]) / counts.length;
      counts.forEach((value, i) => bars.push({ low: one.span[0] + i * width, high: one.span[0] + (i + 1) * width, density: height(value), zero: 0, law }));
      const curve = predicted[side], step = (one.grid[1] - one.grid[0]) / (curve.length - 1);
      curve.forEach((value, i) => lines.push({ y: one.grid[0] + i * step, density: height(value), law }));
    }
    return draw({ bars, lines });
  }

  rename();
  const color = { field: "law", type: "nominal", title: null, legend: { orient: "top" }, scale: { domain: Object.values(sides), range: [colours.first, colours.second] } };
  const x = { type: "quantitative", title: "value of the output node", scale: { zero: false, nice: false } };
  draw = await chart({
    width: "container", height: 280, background: "#ffffff",
    autosize: { type: "fit", contains: "padding" },
    layer: [
      { data: { name: "bars", values: [] }, mark: { type: "rect", opacity: 0.28 },
        encoding: { x: { ...x, field: "low" }, x2: { field: "high" }, y: { field: "zero", type: "quantitative", title: "density" }, y2: { field: "density" }, color } },
      { data: { name: "lines", values: [] }, mark: { type: "line", strokeWidth: 2 },
        encoding: { x: { ...x, field: "y" }, y: { field: "density", type: "quantitative", title: "density" }, color } },
    ],
  }, "output-node");
  await show();
})();
