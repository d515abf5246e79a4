"""Run folders: `opening` makes them, `status` says how they stand, `finding` and `resuming` read old ones.

`jobs` says how the jobs of a sweep stand, which have one each.
"""
