"""``describe``: one object, what belongs to it and its events, laid out as kubectl does.

Pure: ``page.render_page`` takes the object and the lists that ``page.needs`` asked for.
"""
