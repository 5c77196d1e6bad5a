(async () => {
  const { table, slider, select, tell, chart, colours } = explorer;
  const names = ["class 1", "class 2"];
  let draw = () => {};
  const pooling = select("pooling", "Pooling", Object.values(table.poolings), show);
  const active = slider("q", "Sparsity: q, the probability that an activation is positive,", table.q, 2, show);
  const shape = slider("a", "Shape of the positive part: a", table.a, 1, show);
  const positions = slider("N", "Positions: N", table.N, 1, show);
  const factor = select("factor", "Scale of class 2 over that of class 1", table.factors.map(String), show);

  function show() {
    const at = [active, shape, positions].map((input) => Number(input.value));
    const place = ((Number(pooling.value) * table.q.length + at[0]) * table.a.length + at[1]) * table.N.length + at[2];
    const entry = table.entries[place], times = table.factors[factor.value];
    tell([
      ["atom", "P(Z = 0), the atom, of both classes", entry.atom],
      ["mean", "mean of Z in class 1 (scale 1)", entry.mean],
      ["R", "R, skewness over that of the matched gamma", entry.R],
      ["kl", "KL(Z in class 2 || Z in class 1), nats", entry.kl[factor.value]],
      ["eta", "η, share of the information kept", entry.eta[factor.value]],
    ]);
    // A law whose scale is so many times as large is the same curve, so many times as wide and as low.
    const rows = [1, times].flatMap((scale, which) => entry.density.map((height, i) => ({
      z: (scale * entry.end * (i + 1)) / table.points,
      density: (height * entry.peak) / table.top / scale,
      law: names[which],
    })));
    return draw({ laws: rows });
  }

  draw = await chart({
    width: "container", height: 280, background: "#ffffff",
    autosize: { type: "fit", contains: "padding" },
    data: { name: "laws", values: [] },
    mark: { type: "line", strokeWidth: 2 },
    encoding: {
      x: { field: "z", type: "quantitative", title: "pooled feature Z, where positive", axis: { labelOverlap: true, tickCount: 8 } },
      y: { field: "density", type: "quantitative", title: "density" },
      color: { field: "law", type: "nominal", title: null, legend: { orient: "top" }, scale: { domain: names, range: [colours.first, colours.second] } },
      strokeDash: { field: "law", type: "nominal", scale: { domain: names, range: [[6, 3], [1, 0]] }, legend: null },
    },
  }, "pooled-laws");
  await show();
})();
