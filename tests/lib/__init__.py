"""What the system tests stand on: the fake smarthost and its helpers."""
