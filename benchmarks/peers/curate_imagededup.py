"""What imagededup finds in a folder, as JSON: `python curate_imagededup.py FOLDER`."""

import json
import resource
import sys

from imagededup.methods import PHash


def cpu_s():
    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


if __name__ == "__main__":
    began = cpu_s()
    method = PHash(verbose=False)
    encodings = method.encode_images(image_dir=sys.argv[1])
    found = method.find_duplicates(encoding_map=encodings)
    spent = cpu_s() - began
    pairs = {tuple(sorted((name, other))) for name, others in found.items() for other in others}
    print(json.dumps({"cpu_s": spent, "pairs": sorted(pairs), "corrupt": None, "dark": None, "blurred": None}))
