"""A run over many documents: workers lease them, hosts read and judge them, a terminal tells how far it is. `running` is the door."""
