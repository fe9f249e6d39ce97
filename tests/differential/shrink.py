"""Makes a disagreement small."""


def keep(worker, folder, case, way, keep, name, patience):
    return "/dev/null"
