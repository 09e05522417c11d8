"""Who else decides about writes: webhooks, and policies in CEL.

``attempt`` is what is about to be done, ``index`` knows who wants to be asked, ``matching`` whether they
want to be asked about this one; ``review`` writes and reads what webhooks are sent, ``http`` sends it,
``policies`` evaluates. ``gate`` joins them. A cluster that has none of these pays one look at ``index``.

Source: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/.
"""
