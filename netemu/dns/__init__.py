"""The cluster's DNS server, as the Kubernetes DNS specification 1.1.0 and CoreDNS answer.

``message`` reads queries and writes answers, ``index`` finds Services and endpoints in the
informer's cache, ``lookup`` says what is at a name, ``zone`` says which records a question gets,
``answers`` keeps packed answers, ``responder`` decides about one packet. ``forward`` holds what is
to be known about other people's answers. [IO] is in ``invoke`` (the machine's resolvers),
``server``, ``http`` (health and readiness) and ``query`` (a client). Nothing here is API.
"""
