"""The pages: `citizen/` and `staff/` hold routes, `templates/` and `static/` what they show, `pages.py` renders.

They call the same commands as the public API and know no rule of their own. Every step is a plain form that works
without scripts; `static/page.js` only adds comfort.
"""
