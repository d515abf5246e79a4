"""W&B dashboards by code: a workspace and a report of what runs really logged.

    python -m locality.dashboard runs/<run> runs/<run>           dashboard.json, checked by W&B's own types
    python -m locality.dashboard <project> --push                the same to W&B's server
    python -m locality.dashboard runs/<run> --preview            dashboard.html, a sketch of what it will show

`logged` reads run folders, `panels` draws keys, `workspace` and `document` put panels together,
`specification` is the JSON, `push` sends it, `preview` sketches it, `command` is the command line.
"""
