"""The report: one HTML file about the whole network, to be read without a database, the internet or this program.

    contents.py   what it says, asked of the tables and views in one transaction (`network.py`, `worst.py`)
    bands.py, plane.py, map.py, curves.py, drawing.py   the pictures
    page.py, page.html, page.css   the page, in which every text from the wire is escaped and nothing can run
    file.py   the finished file

Only `page.py` and the pictures import jinja2 and matplotlib, so a sync loads neither. Keep out: what a number means;
the views say that.
"""
