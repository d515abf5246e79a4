"""The pages of results: docs/results.md, docs/results/*.md and a part of README.md, from what was measured.

From the ground up: `kept` is what was measured, `words` says numbers, `questions` are asked of them, one page
each; `bar`, `caveats` and `page_parts` serve every page; `networks` tells of what ships, `paper` judges the
paper's claims, `front` comes first. `pages` writes all of it. A room uses what stands before it in this list,
never after.
"""
