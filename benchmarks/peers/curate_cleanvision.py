"""What CleanVision finds in a folder, as JSON: `python curate_cleanvision.py FOLDER`."""

import itertools
import json
import os
import resource
import sys

from cleanvision import Imagelab


def cpu_s():
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def name(path):
    return os.path.basename(path)


began = cpu_s()
lab = Imagelab(data_path=sys.argv[1])
lab.find_issues(verbose=False)
spent = cpu_s() - began
sets = [*lab.info["exact_duplicates"]["sets"], *lab.info["near_duplicates"]["sets"]]
pairs = {tuple(sorted(map(name, pair))) for one in sets for pair in itertools.combinations(one, 2)}
print(
    json.dumps(
        {
            "cpu_s": spent,
            "pairs": sorted(pairs),
            "corrupt": None,
            "dark": [name(path) for path in lab.issues.sort_values("dark_score").index],
            "blurred": [name(path) for path in lab.issues.sort_values("blurry_score").index],
        }
    )
)
