"""How long tokens live, in seconds."""

from __future__ import annotations

MOUNTED_LIFETIME_S = 3607
"""What admission asks for in pods; by this number Kubernetes knows clients that never read it again."""

EXTENDED_LIFETIME_S = 365 * 24 * 3600
"""What these clients get."""

LASTING_LIFETIME_S = 10 * EXTENDED_LIFETIME_S
"""What tokens in Secrets get: as long as the CA. The Secret's end is theirs."""

MIN_LIFETIME_S = 600
MAX_LIFETIME_S = 1 << 32
