"""The stage that shows: a verdict and its evidence as HTML, Markdown, documents, tables and a terminal's text.

``compat.report.view.view`` computes once what every format prints; ``compat.report.formats`` has a file for each.
"""
