"""How fast messages leave, and what it takes: Muster and the simulator, each a process of its own, on loopback."""
