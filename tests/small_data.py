"""Small files in the formats of published data sets."""

import gzip
import hashlib
import io
import json
import struct
import tarfile

HIGGS_URL = "https://openml.org/data/v1/download/22103257/Higgs.arff"
HIGGS_FEATURES = [f"feature_{number}" for number in range(24)]


def idx(values):
    """Bytes of an IDX file of unsigned bytes: two zeros, the type, the number of dimensions, their sizes, the data."""
    return bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape) + values.numpy().tobytes()


def cifar_archive(members):
    """Bytes of a packed archive of CIFAR's binary form; ``members`` are (first bytes, pixels, labels) by name."""
    with io.BytesIO() as packed:
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name, (first, pixels, labels) in members.items():
                content = b"".join(
                    first + bytes([int(label)]) + image.numpy().tobytes()
                    for image, label in zip(pixels, labels, strict=True)
                )
                information = tarfile.TarInfo(name)
                information.size = len(content)
                archive.addfile(information, io.BytesIO(content))
        return gzip.compress(packed.getvalue())


def higgs_copy(inputs, targets, root):
    """Write OpenML's answers as scikit-learn keeps them: the description, features, qualities and an ARFF file."""
    lines = ["@RELATION higgs", *(f"@ATTRIBUTE {name} REAL" for name in HIGGS_FEATURES)]
    lines += ["@ATTRIBUTE target {0, 1}", "@DATA"]
    lines += [",".join([*map(repr, map(float, row)), str(target)]) for row, target in zip(inputs, targets, strict=True)]
    arff = "\n".join(lines).encode()
    columns = [(name, "numeric", "false") for name in HIGGS_FEATURES] + [("target", "nominal", "true")]
    answers = {
        "api/v1/json/data/44129": {
            "data_set_description": {
                "id": "44129",
                "name": "Higgs",
                "version": "1",
                "description": "made for a test",
                "format": "ARFF",
                "status": "active",
                "url": HIGGS_URL,
                "md5_checksum": hashlib.md5(arff, usedforsecurity=False).hexdigest(),
            }
        },
        "api/v1/json/data/features/44129": {
            "data_features": {
                "feature": [
                    {
                        "index": str(index),
                        "name": name,
                        "data_type": kind,
                        "is_target": is_target,
                        "is_ignore": "false",
                        "is_row_identifier": "false",
                        "number_of_missing_values": "0",
                    }
                    for index, (name, kind, is_target) in enumerate(columns)
                ]
            }
        },
        "api/v1/json/data/qualities/44129": {
            "data_qualities": {"quality": [{"name": "NumberOfInstances", "value": str(float(len(targets)))}]}
        },
    }
    files = {name: json.dumps(answer).encode() for name, answer in answers.items()}
    files[HIGGS_URL.partition("openml.org/")[2]] = arff
    for name, content in files.items():
        path = root / "openml" / "openml.org" / f"{name}.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content))
