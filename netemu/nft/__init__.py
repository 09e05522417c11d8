"""nftables as values: tables, rules, elements and transactions; their text; a walker over them.

``render`` is the only module that writes nft's language; ``walk`` answers where a packet ends.
"""
