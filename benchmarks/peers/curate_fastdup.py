"""What fastdup finds in a folder, as JSON: `python curate_fastdup.py FOLDER`."""

import json
import os
import resource
import sys
import tempfile

import fastdup


def cpu_s():
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def name(path):
    return os.path.basename(str(path))


with tempfile.TemporaryDirectory() as work:
    began = cpu_s()
    run = fastdup.create(work_dir=work, input_dir=sys.argv[1])
    run.run(overwrite=True)
    similar, stats, invalid = run.similarity(), run.img_stats(), run.invalid_instances()
    spent = cpu_s() - began
    close = similar[similar["distance"] >= 0.96]
    pairs = {
        tuple(sorted((name(a), name(b)))) for a, b in zip(close["filename_from"], close["filename_to"], strict=True)
    }
    answer = {
        "cpu_s": spent,
        "pairs": sorted(pair for pair in pairs if pair[0] != pair[1]),
        "corrupt": [name(one) for one in invalid["filename"]],
        "dark": [name(one) for one in stats.sort_values("mean")["filename"]],
        "blurred": [name(one) for one in stats.sort_values("blur")["filename"]],
    }
print(json.dumps(answer))
