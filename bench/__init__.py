"""What the delivery engine does in a second, against bare loops measured beside it; each process alone, on loopback."""
