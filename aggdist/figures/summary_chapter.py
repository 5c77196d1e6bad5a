"""Tables and sentences of the summary chapter; every number is computed from records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from aggdist.figures.style import TITLES
from aggdist.figures.summary_choice import CRITERION_SIZES, candidates, choices, chosen_model
from aggdist.figures.summary_records import (
    MOST,
    NO_RECORDS,
    Record,
    dataset_title,
    datasets,
    listed,
    ordered,
    saturated_nodes,
)
from aggdist.figures.summary_results import NOTHING, percent, table
from aggdist.figures.summary_statistics import (
    FEWEST,
    INDEPENDENT,
    LEAST_NODES,
    all_saturated,
    rank_correlations,
    seed_groups,
    without_size,
)
from aggdist.figures.summary_targets import Models, Target
from aggdist.prediction import DEFAULT_MODEL, FEATURE_MODELS
from aggdist.runs import DATASET_TITLES

COSTLY = "†"
_SIZE_TITLES = {MOST: "the most images", FEWEST: f"{FEWEST} images"}


def plain(value: float | None, decimals: int = 2) -> str:
    """A number, or a dash for None."""
    return NOTHING if value is None else f"{value:.{decimals}f}"


def overview(records: Iterable[Record]) -> str:
    """How many runs, datasets, networks and nodes there are, and which runs are left out of which medians."""
    known = ordered(records)
    if not known:
        return NO_RECORDS
    saturated = np.concatenate([saturated_nodes(run) for run in known])
    networks = {(run["dataset"], run["network"]) for run in known}
    lines = [
        f"There are {len(known)} runs of {len(networks)} networks on {len(datasets(known))} datasets, with "
        f"{saturated.size} output nodes in all; {int((~saturated).sum())} of them are not saturated.",
        *(f"{text}: {_groups(runs, known)}." for text, runs in left_out(known).items() if runs),
    ]
    return "\n\n".join(lines) + "\n"


def left_out(records: Sequence[Record]) -> dict[str, list[Record]]:
    """The runs that medians leave out, by the reason."""
    return {
        "Every node is saturated, so these runs are in no median over unsaturated nodes": all_saturated(
            records
        ),
        f"Half of a class has no more than {FEWEST} images, so these runs are in no median with {FEWEST} fitting "
        "images": without_size(records, FEWEST),
    }


def _groups(runs: Iterable[Record], every: Iterable[Record]) -> str:
    """Runs by dataset and network: how many, of how many."""
    counts, totals = (Counter((dataset_title(run), run["network"]) for run in part) for part in (runs, every))
    return listed(
        [
            f"{title} with `{network}` ({count} of {totals[title, network]} runs)"
            for (title, network), count in counts.items()
        ]
    )


def choice_table(records: Iterable[Record]) -> str:
    """The criterion of every model, with each dataset left out in turn; the chosen one is bold."""
    known = ordered(records)
    if not known:
        return NO_RECORDS
    found, allowed = choices(known), candidates(known)
    header = ["Model", *(f"without {DATASET_TITLES[choice.left_out]}" for choice in found)]
    rows = []
    for name in FEATURE_MODELS:
        marks = ["**" if choice.model == name else "" for choice in found]
        cells = [
            f"{mark}{percent(choice.scores[name])}{mark}" for mark, choice in zip(marks, found, strict=True)
        ]
        rows.append([TITLES[name] + ("" if name in allowed else f" {COSTLY}"), *cells])
    note = f"\n{COSTLY} Judged in fewer halvings, because its laws cost seconds: shown, not a candidate.\n"
    return table(header, rows) + (note if len(allowed) < len(FEATURE_MODELS) else "")


def left_out_table(records: Iterable[Record]) -> str:
    """For each dataset the model chosen without it, and its matched error and floor on it."""
    known = ordered(records)
    if not known:
        return NO_RECORDS
    header = ["Left out", "Chosen on the others"]
    header += [
        f"{what}, {_SIZE_TITLES[size]}" for size in CRITERION_SIZES for what in ("error on it", "floor")
    ]
    rows = []
    for choice in choices(known):
        title = TITLES[choice.model] if choice.model else "none: no other dataset says anything"
        cells = [percent(part[size]) for size in CRITERION_SIZES for part in (choice.errors, choice.floors)]
        rows.append([DATASET_TITLES[choice.left_out], title, *cells])
    return table(header, rows, left=2)


def choice_sentence(records: Iterable[Record]) -> str:
    """Which model the rule chooses, whether it is the default one, and whether a costly one would have been better."""
    known = ordered(records)
    if not known:
        return NO_RECORDS
    found, model = choices(known), chosen_model(known)
    if model is None:
        return "The rule chooses no model: it needs unsaturated nodes on at least two datasets.\n"
    count = sum(choice.model == model for choice in found)
    text = f"Most often, with {count} of {len(found)} datasets left out, the rule chooses *{TITLES[model]}*. "
    if model == DEFAULT_MODEL:
        text += "This is the library's default model."
    else:
        text += f"**This is not the library's default model**, which is *{TITLES[DEFAULT_MODEL]}*."
    better = [
        TITLES[name]
        for name in FEATURE_MODELS
        if name not in candidates(known)
        if any(_less(choice.scores[name], choice.scores[choice.model]) for choice in found if choice.model)
    ]
    text += f" Of the models marked {COSTLY}, those with a smaller criterion somewhere: {listed(better)}."
    return text + "\n"


def _less(a: float | None, b: float | None) -> bool:
    return a is not None and b is not None and a < b


def targets_table(targets: Iterable[Target]) -> str:
    """Figure by figure: asked, reached, what could be reached, independent channels, and the verdict."""
    known = list(targets)
    if all(target.reached is None for target in known):
        return NO_RECORDS
    extra = [
        (title, key)
        for title, key in (("attainable", "attainable"), ("independent channels", "independent"))
        if any(getattr(target, key) is not None for target in known)
    ]
    rows = []
    for target in known:
        verdict = {True: "yes", False: "**no**", None: "no run says it"}[target.met]
        sign = "≥" if target.at_least else "≤"
        values = [_value(target, getattr(target, key)) for _, key in extra]
        asked = f"{sign} {_value(target, target.asked)}"
        rows.append([target.figure, asked, _value(target, target.reached), *values, verdict])
    return table(["Figure", "asked", "found", *(title for title, _ in extra), "reached"], rows)


def _value(target: Target, value: float | None) -> str:
    if value is None:
        return NOTHING
    if target.unit == "%":  # accuracies are told apart near 100 %
        return percent(value, 1 if target.at_least else None)
    return f"{value:.2f}" if target.unit == "x" else f"{value:.3f}"


def rank_table(records: Iterable[Record], model: Models) -> str:
    """Rank correlation of predicted and observed KL by dataset, beside that of independent channels."""
    known = ordered(records)
    if not known:
        return NO_RECORDS
    ours = rank_correlations(known, model)
    theirs = rank_correlations(known, lambda run: INDEPENDENT)
    rows = [
        [
            DATASET_TITLES[name],
            f"{own.count_unsaturated} of {own.count}",
            plain(own.unsaturated, 3),
            plain(own.all_nodes, 3),
            plain(theirs[name].unsaturated, 3),
            plain(theirs[name].all_nodes, 3),
        ]
        for name, own in ours.items()
    ]
    header = [
        "Dataset",
        "unsaturated nodes",
        "unsaturated",
        "all",
        "independent, unsaturated",
        "independent, all",
    ]
    note = f"\n{NOTHING} Fewer than {LEAST_NODES} nodes.\n"
    return table(header, rows) + (note if any(NOTHING in row for row in rows) else "")


def seed_table(records: Iterable[Record]) -> str:
    """Spread over the seeds of training: mean and standard deviation of what is judged, over all nodes."""
    groups = seed_groups(ordered(records))
    if not groups:
        return "No run is committed with several seeds.\n"
    header = [
        "Run",
        "seeds",
        "accuracy",
        "KS above the floor",
        "matched error",
        "its floor",
        "AUC error",
        "AUC floor",
    ]
    rows = []
    for group in groups:
        first = group[0]
        models = [run["nodes"]["models"][DEFAULT_MODEL] for run in group]
        excess = [
            run["pooled"]["mean_ks"][DEFAULT_MODEL] - run["pooled"]["mean_ks"]["floor"] for run in group
        ]
        rows.append(
            [
                f"{first['dataset']}, {first['network']}, {first['aggregation']}",
                str(len(group)),
                _spread([run["test_accuracy"] for run in group], 100, 1, " %"),
                _spread(excess, 1, 4),
                *(
                    _spread([model[key] for model in models], 100, 1, " %")
                    for key in ("all_nodes_matched_error", "all_nodes_floor")
                ),
                *(_spread([model[key] for model in models], 1, 4) for key in ("auc_error", "auc_floor")),
            ]
        )
    return table(header, rows)


def _spread(values: Sequence[float], scale: float, decimals: int, unit: str = "") -> str:
    scaled = scale * np.array(values, float)
    text = f"{scaled.mean():.{decimals}f} ± {scaled.std(ddof=1):.{decimals}f}{unit}"
    return text.replace(" ", "\N{NO-BREAK SPACE}")
