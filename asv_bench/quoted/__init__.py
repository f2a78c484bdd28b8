"""Numbers and tables of the documents, made of the results of experiments: a module an experiment.

Each has ``VALUES``, functions of `Results` by name that return text for a sentence, and ``TABLES``, which return
Markdown.  `fill.py` writes them into the documents, between marks.
"""
