"""What each dataset is: its arrays with their SHA-256, its classes, licence, citation and origin.

The checksums are of the arrays, not of files, so that a dataset is the same one whichever way it came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Task = Literal["image", "audio", "text"]


@dataclass(frozen=True)
class ArraySpec:
    """Shape, element type and SHA-256 of one array.

    `dtype` is a NumPy name, or "str" for text of any width. The checksum is of the array's bytes in C order;
    for text, of the entries joined by newline in UTF-8.
    """

    shape: tuple[int, ...]
    dtype: str
    sha256: str


@dataclass(frozen=True)
class Citation:
    """How to cite a dataset: one sentence, and where it is found."""

    text: str
    url: str


@dataclass(frozen=True)
class DatasetSpec:
    """One dataset as it has to be.

    Parameters
    ----------
    name
        The name by which it is loaded, and the stem of its file in the cache.
    task
        "image", "audio" or "text".
    class_names
        The name of each class, in the order of the labels 0, 1, ...
    arrays
        One ArraySpec for each array; those of images and text are x_train, y_train, x_test and y_test.
    n_bytes
        Size of all arrays together in bytes (text in UTF-8, joined by newline): what the checksums cover.
    licence, citation
        The terms, and whom to cite.
    origin
        Where the arrays come from, and how they were made from what is there.
    packaged
        True if an installed package carries the data, so that there is no file in the cache.
    """

    name: str
    task: Task
    class_names: tuple[str, ...]
    arrays: Mapping[str, ArraySpec]
    n_bytes: int
    licence: str
    citation: Citation
    origin: str
    packaged: bool = False

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def n_train(self) -> int:
        """Number of examples to train on."""
        return self.arrays["y_train"].shape[0]

    @property
    def n_test(self) -> int:
        """Number of examples held out."""
        return self.arrays["y_test"].shape[0]

    @property
    def checksums(self) -> dict[str, str]:
        """The SHA-256 of each array, by the array's name."""
        return {name: array.sha256 for name, array in self.arrays.items()}

    def digest(self) -> str:
        """One SHA-256 (hex) of all the checksums: changes when any array does."""
        return digest_of(self.checksums)


def digest_of(checksums: Mapping[str, str]) -> str:
    """One SHA-256 (hex) of named checksums, whatever their order."""
    lines = "\n".join(f"{name} {sha256}" for name, sha256 in sorted(checksums.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _arrays(table: str) -> dict[str, ArraySpec]:
    """Array specifications from lines of name, shape (60000x28x28), dtype and SHA-256."""
    found = {}
    for line in table.strip().splitlines():
        name, shape, dtype, sha256 = line.split()
        found[name] = ArraySpec(tuple(map(int, shape.split("x"))), dtype, sha256)
    return found


_TEN = tuple("0123456789")

_DIGITS = DatasetSpec(
    name="digits",
    task="image",
    class_names=_TEN,
    arrays=_arrays(
        """
        x_train  1000x8x8  uint8  cfbbca60bcec7e718ae4a01b6e2d09dc1f4047fca49de31bf39cde860a6cc117
        y_train  1000      uint8  d34fd4747256521568e13442821110ef5373b0c5d4857da01f78497ccb1adfde
        x_test   797x8x8   uint8  0bd2d9f0c520d997f546c2091b8779d0384b08c5ccd344e3f8894b7e47a9d917
        y_test   797       uint8  f5eee4b588360036470a8de010685bae26731ae4c7603a19b9614113d6bdb16e
        """
    ),
    n_bytes=116_805,
    licence="CC BY 4.0",
    citation=Citation(
        "E. Alpaydin and C. Kaynak (1998). Optical recognition of handwritten digits. "
        "UCI Machine Learning Repository.",
        "https://doi.org/10.24432/C50P49",
    ),
    origin=(
        "scikit-learn's load_digits: 1,797 images of 8 by 8, grey values 0 to 16; "
        "our own split, stratified by class"
    ),
    packaged=True,
)

_MNIST = DatasetSpec(
    name="mnist",
    task="image",
    class_names=_TEN,
    arrays=_arrays(
        """
        x_train  60000x28x28  uint8  741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757
        y_train  60000        uint8  1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13
        x_test   10000x28x28  uint8  6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161
        y_test   10000        uint8  ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5
        """
    ),
    n_bytes=54_950_000,
    licence="CC BY-SA 3.0",
    citation=Citation(
        "Y. LeCun, C. Cortes and C. J. C. Burges (1998). The MNIST database of handwritten digits.",
        "http://yann.lecun.com/exdb/mnist/",
    ),
    origin="the four IDX files of MNIST, through torchvision",
)

_FASHIONMNIST = DatasetSpec(
    name="fashionmnist",
    task="image",
    class_names=(
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    arrays=_arrays(
        """
        x_train  60000x28x28  uint8  2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012
        y_train  60000        uint8  657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7
        x_test   10000x28x28  uint8  c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a
        y_test   10000        uint8  3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9
        """
    ),
    n_bytes=54_950_000,
    licence="MIT",
    citation=Citation(
        "H. Xiao, K. Rasul and R. Vollgraf (2017). Fashion-MNIST: a novel image dataset for benchmarking "
        "machine learning algorithms. arXiv:1708.07747.",
        "https://arxiv.org/abs/1708.07747",
    ),
    origin="the four IDX files of Fashion-MNIST, through torchvision",
)

_CIFAR10 = DatasetSpec(
    name="cifar10",
    task="image",
    class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    arrays=_arrays(
        """
        x_train  50000x32x32x3  uint8  47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a
        y_train  50000          uint8  2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253
        x_test   10000x32x32x3  uint8  f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04
        y_test   10000          uint8  cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5
        """
    ),
    n_bytes=184_380_000,
    licence="none stated; research use",
    citation=Citation(
        "A. Krizhevsky (2009). Learning multiple layers of features from tiny images. Technical report, "
        "University of Toronto.",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
    ),
    origin="the Python batches of CIFAR-10, in their order, through torchvision",
)

_FSDD = DatasetSpec(
    name="fsdd",
    task="audio",
    class_names=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    arrays=_arrays(
        """
        x_train        9464394  int16  b75c92c1b5c421bb890cae40cbc50b93ba41a5d261729f9c0cbfd2ca93dc5815
        lengths_train  2700     int32  80a5bb916b57b9a47229487399dceba526c9b9d388fd185592934044030f784a
        y_train        2700     uint8  293eac6abb8ac1d07da1f08bf97c771ef90a793ffe9090629ca66f6ae2cd2665
        speaker_train  2700     str    a599e21ea008c19e2b899d216e4181f49af8140a0a6b2692618392a25cf8255c
        x_test         1034030  int16  97300261a14acc7a16985e51800b20687db44a45adc5c8dbe9c69828c6267986
        lengths_test   300      int32  9a739168ad157645c8c8ff6b37f427c056df7c681f9efb9100317c530f329d20
        y_test         300      uint8  d73f94e7e6cd0b81adb780f3c58b42a3f5dddf0a1ad092f3320f4d5da4f71f22
        speaker_test   300      str    c461cf388e9b7b7497f665ef7520120a3de77bb3ddfcc9edce398cd0034a5882
        """
    ),
    n_bytes=21_033_346,
    licence="CC BY-SA 4.0",
    citation=Citation(
        "Z. Jackson, C. Souza, J. Flaks, Y. Pan, H. Nicolas and A. Thite (2018). "
        "Free Spoken Digit Dataset. Zenodo.",
        "https://doi.org/10.5281/zenodo.1342401",
    ),
    origin=(
        "recordings/{digit}_{speaker}_{index}.wav of the repository Jakobovski/free-spoken-digit-dataset, "
        "16 bit, mono, 8 kHz; sorted by digit, speaker and index, samples end to end; "
        "test: the dataset's own split, index < 5"
    ),
)

_MR = DatasetSpec(
    name="mr",
    task="text",
    class_names=("negative", "positive"),
    arrays=_arrays(
        """
        x_train  8529  str    735914c3a9bf4f954428f0171d0f63513aa6bd74ba398a4385ae84c257d5d4b2
        y_train  8529  uint8  c7a15a2a90e7e4d821748e112eac61be630f0024a1cf46b05b62170399a982ed
        x_test   2133  str    580051742408216d65898741ef1675d375bcf4e926b68218247b59b0b5f9f8df
        y_test   2133  uint8  3b0b184a05ab36d31390fd0b7773c07ac58ed639a86f2a687b65a1ed03482b4c
        """
    ),
    n_bytes=1_238_736,
    licence="research use",
    citation=Citation(
        "B. Pang and L. Lee (2005). Seeing stars: exploiting class relationships for sentiment "
        "categorization with respect to rating scales. Proceedings of ACL, 115-124.",
        "https://doi.org/10.3115/1219840.1219855",
    ),
    origin=(
        "sentence polarity dataset v1.0 of the authors' page: rt-polarity.neg (label 0), then "
        "rt-polarity.pos (label 1), Latin-1, lines stripped; order "
        "numpy.random.default_rng(20260101).permutation(10662), of which the first 8,529 train"
    ),
)

DATASETS: Mapping[str, DatasetSpec] = MappingProxyType(
    {spec.name: spec for spec in (_DIGITS, _MNIST, _FASHIONMNIST, _CIFAR10, _FSDD, _MR)}
)


def specification(name: str) -> DatasetSpec:
    """The specification of the dataset called `name`.

    Raises
    ------
    ValueError
        If there is no dataset of that name.
    """
    if name not in DATASETS:
        raise ValueError(f"unknown dataset: got {name!r}, expected one of {', '.join(DATASETS)}")
    return DATASETS[name]
