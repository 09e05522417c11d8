"""A local, indexed copy of the API's objects, kept up to date by list and watch.

``cache`` is pure, ``watch`` feeds it from a ``Client``, ``queue`` holds the keys to look at.
One process has one cache; controllers, scheduler, agents and proxies all read from it.
"""
