"""The report on a person's own network: tables, figures, a page, and its file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aggdist.paths import atomic_file

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

SCHEMA = 2


_ERROR = "all_nodes_matched_error"


class ReportError(RuntimeError):
    """A stored report is missing, damaged or of another kind."""


@dataclass(frozen=True, repr=False)
class Report:
    """What `analyse` found.

    Attributes
    ----------
    record
        Everything, as plain JSON types: `path` (where the network aggregates, and how exactly that was verified),
        `class_names`, `counts`, `accuracy`, `protocol`, `pooled`, `nodes`, `curves` (as in the records of the
        experiments), `all_images` (divergences predicted from all images), `signed` (whether features are negative),
        `covariance`, `notes`, `provenance`.
    """

    record: Mapping[str, Any]

    @property
    def notes(self) -> list[str]:
        """What was announced: models left out or added, memory, small and unequal classes."""
        return list(self.record["notes"])

    @property
    def models(self) -> list[str]:
        """Names of the feature models used, first the one that decides which nodes are saturated (the default one)."""
        nodes = self.record["nodes"]
        return [nodes["reference"], *(name for name in nodes["models"] if name != nodes["reference"])]

    @property
    def fewer(self) -> list[int]:
        """Smaller numbers of fitting images of each class from which the divergences were predicted too."""
        return sorted(map(int, self.record["nodes"]["fewer"]))

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, one per output node looked at."""
        return list(self.record["class_names"])

    def __repr__(self) -> str:
        """A few lines: where it aggregates, how many images, how good the predictions are."""
        path = self.record["path"]
        lines = [
            f"Report on {self.record['name']}: {path['aggregation']} of {path['maps']} "
            f"({path['channels']} channels, {path['positions']} positions), then {path['head']}",
            f"  verified to {path['error']:.1e} relative (allowed {path['tolerance']:.1e})",
            f"  {sum(self.record['counts'])} images of {len(self.class_names)} classes, accuracy among them "
            f"{100 * self.record['accuracy']:.1f} %",
        ]
        nodes = self.record["nodes"]
        for name in self.models:
            model = nodes["models"][name]
            lines.append(
                f"  {name}: median relative error of the KL {_percent(model)}, a perfect "
                f"prediction shows {100 * model['all_nodes_floor']:.0f} %"
            )
        lines.append(f"  counting in the fitting images: {_percent(nodes['counted'])}")
        for size in self.fewer:
            few = nodes["fewer"][str(size)]
            errors = [f"{name} {_percent(few['models'][name])}" for name in self.models]
            lines.append(
                f"  from {size} images of each class: {', '.join(errors)}, counting {_percent(few['counted'])}"
            )
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])

    def fitting_rows(self) -> list[dict[str, Any]]:
        """One row per number of fitting images of each class, the most last: median errors over all nodes.

        Keys: `images` (of the smallest class), the models by name, `counted` (no model, the estimate from the fitting
        images), and `attainable` (the reference model where it is the truth; None if that is not known for it). These
        are relative errors of the KL in the matched comparison.
        """
        nodes, protocol = self.record["nodes"], self.record["protocol"]
        found = [(size, nodes["fewer"][str(size)]) for size in self.fewer]
        return [self._fitting_row(*pair) for pair in [*found, (min(protocol["fit"]), nodes)]]

    def _fitting_row(self, images: int, found: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "images": images,
            **{name: found["models"][name][_ERROR] for name in self.models},
            "counted": found["counted"][_ERROR],
            "attainable": found["attainable"].get(_ERROR),
        }

    def rows(self) -> list[dict[str, Any]]:
        """One row per output node: images, observed and predicted divergences."""
        return [self._row(k) for k in range(len(self.class_names))]

    def _row(self, k: int) -> dict[str, Any]:
        record, observed = self.record, self.record["nodes"]["observed"]
        row = {
            "class": self.class_names[k],
            "images": record["counts"][k],
            "fit": record["protocol"]["fit"][k],
            "judge": record["protocol"]["judge"][k],
        }
        row |= {
            f"observed_{key}": float(observed[key][k])
            for key in ("raw", "raw_low", "raw_high", "matched", "bounded", "auc")
        }
        for name in self.models:
            model = record["nodes"]["models"][name]
            row |= {f"{name}_{key}": float(model[key][k]) for key in ("kl", "matched", "bounded", "auc")}
            row[f"{name}_saturated"] = bool(model["saturated"][k])
            for size in self.fewer:
                few = record["nodes"]["fewer"][str(size)]["models"][name]
                row[f"{name}_kl_{size}_images"] = float(few["kl"][k])
            row[f"{name}_kl_all_images"] = float(record["all_images"][name]["kl"][k])
        return row

    def to_dataframe(self) -> pandas.DataFrame:
        """The rows as a pandas table, indexed by class.

        Columns: `images`, `fit`, `judge`; `observed_raw` with its 95 % interval, `observed_matched` (k = 5),
        `observed_bounded` and `observed_auc`; for each model `_kl` (predicted from the fitting half), `_matched`,
        `_bounded`, `_auc`, `_saturated`, `_kl_50_images` and `_kl_200_images` (predicted from so many images of each
        class, where there are more) and `_kl_all_images` (from both halves). Divergences are KL(in || out) in nats,
        bounded ones KL(in || all), which can be observed at every separation: compare saturated nodes by them.
        """
        import pandas

        return pandas.DataFrame(self.rows()).set_index("class")

    def figures(self) -> dict[str, Figure]:
        """Figures by name, in the style of the book; needs matplotlib. Close them when done."""
        from aggdist.own_network.page import figures

        return figures(self.record)

    def save(self, path: str | Path) -> Path:
        """Write the report as one JSON file, whole or not at all."""
        target = Path(path)
        text = json.dumps(self.record, separators=(",", ":"), allow_nan=False) + "\n"
        with atomic_file(target) as part:
            part.write_text(text, encoding="utf-8")
        return target

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """Read a report that `save` wrote.

        Raises
        ------
        ReportError
            If it is missing, damaged, or something else.
        """
        try:
            record = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ReportError(
                f"{path} cannot be read ({error}): expected a file of Report.save; run analyse again"
            ) from error
        found = record.get("report") if isinstance(record, dict) else type(record).__name__
        if found != SCHEMA:
            raise ReportError(f"{path} is a report of schema {found}, expected {SCHEMA}; run analyse again")
        return cls(record)

    def to_html(self, path: str | Path | None = None) -> str:
        """One page that needs nothing else: tables, notes and figures as inline SVG with alternative texts.

        Parameters
        ----------
        path
            Where to write it, whole or not at all; None only gives the text.
        """
        from aggdist.own_network.page import page

        text = page(self)
        if path is not None:
            with atomic_file(Path(path)) as part:
                part.write_text(text, encoding="utf-8")
        return text


def _percent(errors: Mapping[str, Any]) -> str:
    return f"{100 * errors[_ERROR]:.0f} %"
