"""The runtime's side of CNI: reads a configuration list and runs its plugins for each pod."""
